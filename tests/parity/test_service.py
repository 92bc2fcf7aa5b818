"""The comparison itself, with services that are made up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from service import ABSENT, Allowance, Service, compare, find_faults, flatten, read_allowances

if TYPE_CHECKING:
    from pathlib import Path

SERVICE = Service(
    component="inference",
    command="python -m inference",
    settings={"PORT": "5000", "MODEL_DIR": "/src/model"},
    settable=frozenset({"MODEL_NAME"}),
    ports={"5000": "127.0.0.1:5000"},
    routes=None,
    stop="SIGTERM",
    grace_seconds=35,
    image="ml-pipeline/inference:dev",
    user="10001:10001",
    read_only_root=True,
    no_new_privileges=True,
    dropped_capabilities=frozenset({"ALL"}),
    mounts={"/src/model": "ro"},
    temporary=frozenset({"/tmp"}),  # noqa: S108 - a container's
    health={"request": "GET /ping", "interval": "10"},
    limits={"cpus": "1", "memory": "2147483648"},
    requests={"memory": "268435456"},
    restart="unless-stopped",
    pull="never",
)
OTHERS: list[tuple[str, dict[str, Any]]] = [
    ("command", {"command": "python"}),
    ("settings.PORT", {"settings": {"PORT": "5001", "MODEL_DIR": "/src/model"}}),
    ("settings.MODEL_DIR", {"settings": {"PORT": "5000"}}),
    ("settable.MODEL_NAME", {"settable": frozenset()}),
    ("settable.QUEUE_SIZE", {"settable": frozenset({"MODEL_NAME", "QUEUE_SIZE"})}),
    ("ports.5000", {"ports": {"5000": "0.0.0.0:5000"}}),
    ("routes", {"routes": "/api"}),
    ("stop", {"stop": "SIGQUIT"}),
    ("grace_seconds", {"grace_seconds": 10}),
    ("image", {"image": "other"}),
    ("user", {"user": "0:0"}),
    ("read_only_root", {"read_only_root": False}),
    ("no_new_privileges", {"no_new_privileges": None}),
    ("dropped_capabilities.ALL", {"dropped_capabilities": frozenset()}),
    ("mounts./src/model", {"mounts": {"/src/model": "rw"}}),
    ("temporary./tmp", {"temporary": None}),
    ("health.request", {"health": {"request": "GET /", "interval": "10"}}),
    ("limits.memory", {"limits": {"cpus": "1", "memory": "1"}}),
    ("requests.memory", {"requests": {}}),
    ("restart", {"restart": "no"}),
    ("pull", {"pull": "missing"}),
]


def modes(*others: Service, **named: Service) -> dict[str, dict[str, Service]]:
    """Modes a, b and so on, and the ones that are named, with one service each."""
    lettered = dict(zip("abc", others, strict=False))
    return {mode: {each.component: each} for mode, each in (lettered | named).items()}


def allow(field: str, **values: str) -> Allowance:
    return Allowance(("inference",), (field,), values, "is tried")


def test_equal_services_have_no_faults() -> None:
    assert find_faults(modes(SERVICE, SERVICE, SERVICE), []) == []


@pytest.mark.parametrize(("field", "change"), OTHERS)
def test_any_difference_is_found_and_can_be_allowed(field: str, change: dict[str, Any]) -> None:
    both = modes(SERVICE, replace(SERVICE, **change))
    (fault,) = find_faults(both, [])
    assert fault.startswith(f"inference: {field} is ")
    values = compare(both)["inference", field]
    for named in (values, {"a": values["a"]}, {"b": values["b"]}):
        assert find_faults(both, [allow(field, **named)]) == []


def test_every_field_is_tried() -> None:
    tried = {field.partition(".")[0] for field, _ in OTHERS}
    assert {field for field in Service.__slots__ if field not in tried} == {"component"}


@pytest.mark.parametrize(("field", "_change"), OTHERS)
def test_an_allowance_for_what_is_equal_fails(field: str, _change: dict[str, Any]) -> None:
    value = dict(flatten(SERVICE)).get(field, ABSENT)
    (fault,) = find_faults(modes(SERVICE, SERVICE), [allow(field, a=value)])
    assert "not needed" in fault


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"b": "SIGINT"},
        {"a": "SIGTERM", "b": "SIGINT"},
        {"b": "SIGQUIT", "elsewhere": "SIGTERM"},
    ],
)
def test_an_allowance_that_says_something_else_fails(named: dict[str, str]) -> None:
    both = modes(SERVICE, replace(SERVICE, stop="SIGQUIT"))
    unmet, needless = find_faults(both, [allow("stop", **named)])
    assert "make them agree" in unmet or "make them agree" in needless


def test_an_allowance_of_one_mode_holds_the_others_together() -> None:
    third = replace(SERVICE, stop="SIGKILL")
    allowed = [allow("stop", b="SIGQUIT")]
    two = modes(SERVICE, replace(SERVICE, stop="SIGQUIT"), SERVICE)
    assert find_faults(two, allowed) == []
    assert len(find_faults(modes(SERVICE, replace(SERVICE, stop="SIGQUIT"), third), allowed)) == 2


def test_an_allowance_that_names_a_mode_too_many_fails() -> None:
    three = modes(SERVICE, replace(SERVICE, stop="SIGQUIT"), SERVICE)
    assert find_faults(three, [allow("stop", a="SIGTERM", b="SIGQUIT")])


def test_an_allowance_that_leaves_one_mode_open_fails() -> None:
    three = modes(SERVICE, replace(SERVICE, stop="SIGQUIT"), replace(SERVICE, stop="SIGKILL"))
    named = {"a": "SIGTERM", "b": "SIGQUIT"}
    assert len(find_faults(three, [allow("stop", **named)])) == 2
    assert find_faults(three, [allow("stop", **named, c="SIGKILL")]) == []


def test_the_same_allowance_twice_fails() -> None:
    both = modes(SERVICE, replace(SERVICE, stop="SIGQUIT"))
    (fault,) = find_faults(both, [allow("stop", b="SIGQUIT"), allow("stop", b="SIGQUIT")])
    assert "not needed" in fault


def test_a_service_that_one_mode_lacks_is_found() -> None:
    faults = find_faults({**modes(SERVICE), "b": {}}, [])
    assert any("component is 'inference' in a, '-' in b" in fault for fault in faults)


def test_an_entry_without_a_reason_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "allowed.toml"
    path.write_text('[[allowed]]\nservices = []\nfields = []\nmodes = {a = "1"}\n')
    with pytest.raises(TypeError, match="reason"):
        read_allowances(path)
