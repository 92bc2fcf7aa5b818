"""What tells or gives a setting has the default that the code has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from built_image import container_settings
from documents import Row, mentions, read_example, read_table, same
from sources import (
    nginx_routes,
    nginx_settings,
    page_server_routes,
    page_server_settings,
    python_settings,
    read,
    shared_settings,
    trainer_prefix,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

README_NAMES = {"trainer": "trainer", "inference": "inference", "frontend": "page"}


def defaults() -> Iterator[tuple[str, str, str]]:
    """Each setting of the code: its name, its service in README.md, its default."""
    for component in ("trainer", "inference"):
        for name, default in python_settings(component).items():
            yield name, README_NAMES[component], default
    for name, default in page_server_settings().items():
        yield name, "page", default
    for name, default in nginx_settings().items():
        if name != "BACKEND_URL":  # whose default is the mode's
            yield name, "page", default


def test_the_readme_tells_each_setting_with_its_default() -> None:
    table = read_table(read("README.md"))
    faults = [
        f"README.md: {name} of the {service}, default {default!r}, is told otherwise: {row}"
        for name, service, default in defaults()
        if (row := table.get(name)) is None
        or not any(service in each.split() for each in row.services)
        or (default and not mentions(row.default, default))
    ]
    assert not faults, "\n" + "\n".join(faults)


def test_the_readme_tells_no_other_setting() -> None:
    assert read_table(read("README.md")).keys() == {name for name, _, _ in defaults()}


def test_the_page_has_the_same_defaults_and_routes_in_both_servers() -> None:
    page_server, nginx = page_server_settings(), nginx_settings()
    assert page_server["PORT"] == nginx["PORT"]
    assert nginx["MAX_BODY_BYTES"] == python_settings("inference")["MAX_BODY_BYTES"]
    assert page_server_routes() == nginx_routes()


def test_a_container_is_given_the_defaults_of_its_code() -> None:
    """So the file of settings shows them, and whoever changes one sees what it was."""
    readers = container_settings().values()
    faults = [
        f"k8s/base/settings.env: {name} is {value!r}, and by default {sorted(defaults) or 'unread'}"
        for name, value in shared_settings().items()
        if (defaults := {reads[name] for reads in readers if name in reads}) != {value}
    ]
    assert not faults, "\n" + "\n".join(faults)


def test_the_user_may_set_for_compose_what_a_container_is_given() -> None:
    lines = read("compose.env").splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert names == list(shared_settings())


def test_the_example_tells_each_variable_with_its_default() -> None:
    example, defaults = read_example(read(".env.example")), compose_defaults()
    assert example.keys() == defaults.keys()
    differing = {
        name: (example[name], default)
        for name, default in defaults.items()
        if not same(example[name], default)
    }
    assert not differing


def compose_defaults() -> dict[str, str]:
    """What may be set in .env: variables of compose.yaml, settings of the services."""
    text = read("compose.yaml")
    variables = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", text))
    return variables | build_arguments(text) | shared_settings()


def build_arguments(text: str) -> dict[str, str]:
    """What compose.yaml passes on to the builds, with the Dockerfiles' defaults."""
    names = {name for each in re.findall(r"args: \[(.*)\]", text) for name in each.split(", ")}
    dockerfiles = "\n".join(read(f"{each}/Dockerfile") for each in README_NAMES)
    found = dict(re.findall(r"^ARG ([A-Z_]+)=(.*)$", dockerfiles, re.MULTILINE))
    return {name: found[name] for name in names}


def test_the_example_sets_nothing() -> None:
    lines = read(".env.example").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_a_table_is_read() -> None:
    text = "\n## Settings\n\n| a |\n|---|\n| `PORT` | 5000, the page 3000 | inference, page | b |\n"
    assert read_table(text) == {
        "PORT": Row("5000, the page 3000", frozenset({"inference", "page"}))
    }
    assert read_table(text + "\n## API\n| `HOST` | a | b | c |\n").keys() == {"PORT"}


@pytest.mark.parametrize(
    ("text", "default", "told"),
    [
        ("5", "5.0", True),
        ("5000, the page 3000", "3000", True),
        ("`classifier`; else", "classifier", True),
        ("50000000", "5000000", False),
        ("`classifiers`", "classifier", False),
        ("", "0", False),
    ],
)
def test_a_default_is_found_among_words(text: str, default: str, *, told: bool) -> None:
    assert mentions(text, default) == told


def test_the_trainers_prefix_is_no_setting() -> None:
    assert trainer_prefix() not in python_settings("trainer")
