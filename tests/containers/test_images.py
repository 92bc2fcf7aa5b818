"""What the three images are made of, and what they are not."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from typing import TYPE_CHECKING

import pytest

from engine import run, start
from image import BASES, SERVICES, Image, base_of, dockerfile_arguments, read_image
from project import ROOT, TAG

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

BUILT = (*SERVICES, "loadtests")
SERVERS = {"inference": "5000/tcp", "frontend": "3000/tcp"}
PYTHON = ("trainer", "inference")
OURS = ("/app", "/etc/page", "/srv")
COMPILERS = re.compile(r"(.*-)?(cc|gcc|g\+\+|c\+\+|clang|clang\+\+|rustc|tcc)(-\d+)?")
PACKAGERS = re.compile(r"(uv|uvx|pip[\d.]*|npm|npx|node|yarn|corepack)")
TESTS = re.compile(r"tests|__tests__|conftest\.py|test_.*\.py|.*\.test\.tsx?|testing\.ts")
SPECIAL = 0o6000  # setuid and setgid


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def image(images: None, service: str) -> Image:
    del images
    return read_image(f"ml-pipeline/{service}:{TAG}")


@pytest.fixture
def base(images: None, service: str) -> Image:
    del images
    return read_image(base_of(service))


def test_it_runs_as_the_fixed_user(image: Image) -> None:
    assert image.config["User"] == "10001:10001"


def test_its_command_needs_no_shell(image: Image) -> None:
    command = [*image.config["Entrypoint"], *(image.config["Cmd"] or [])]
    assert "-c" not in command  # as in /bin/sh -c, which a command in shell form begins with
    assert image.config.get("StopSignal", "SIGTERM") in {"SIGTERM", "SIGQUIT"}


@pytest.mark.parametrize("service", SERVERS, indirect=True)
def test_a_server_has_a_health_check_and_a_port(image: Image, service: str) -> None:
    check = image.config["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    assert not {"curl", "wget"} & set(check)
    assert SERVERS[service] in image.config["ExposedPorts"]


def test_its_labels_say_what_it_is(image: Image, service: str) -> None:
    labels = image.labels()
    assert labels["title"] == f"ml-pipeline {service}"
    assert labels["licenses"] == "Apache-2.0"
    assert labels["version"]
    assert labels["revision"]


@pytest.mark.usefixtures("images")
def test_a_build_is_told_its_version_and_revision(service: str) -> None:
    arguments = ("--build-arg=VERSION=1.2.3", "--build-arg=REVISION=abc")
    name = run("docker", "build", "--quiet", *arguments, f"{ROOT}/{service}")
    try:
        (found,) = json.loads(run("docker", "image", "inspect", name))
        labels = Image(name, found["Config"], ()).labels()
        assert (labels["version"], labels["revision"]) == ("1.2.3", "abc")
    finally:
        run("docker", "image", "rm", "--force", name)


def test_it_has_no_compiler(image: Image) -> None:
    found = [each.path for each in image.files if COMPILERS.fullmatch(each.path.name)]
    assert [path for path in found if "bin" in path.parts] == []


def test_it_has_no_package_manager_but_the_bases(image: Image, base: Image, service: str) -> None:
    here, there = (
        {
            each.path
            for each in one.files
            if PACKAGERS.fullmatch(each.path.name)
            and each.path.parent.name in {"bin", "sbin", "site-packages"}
        }
        for one in (image, base)
    )
    assert here - there == set()
    assert any(path.name.startswith("pip") for path in there) == (service in PYTHON)


def test_it_has_no_tests(image: Image) -> None:
    """None of ours, and no folder of them in a package; a module of it may be needed."""
    ours = image.below("/app/src", "/etc/page", "/srv")
    assert [each.path for each in ours if TESTS.fullmatch(each.path.name)] == []
    folders = [each.path for each in image.below("/app") if each.kind == "d"]
    assert [path for path in folders if path.name == "tests"] == []


def test_it_has_no_caches(image: Image, base: Image) -> None:
    folders = ("/root", "/tmp", "/var/tmp", "/var/lib/apt/lists", "/home")  # noqa: S108 - the image's
    here, there = ({each.path for each in one.below(*folders)} for one in (image, base))
    assert here - there == set()


def test_nothing_gains_rights_by_being_run(image: Image, base: Image) -> None:
    here, there = (
        {each.path for each in one.files if each.kind == "f" and each.mode & SPECIAL}
        for one in (image, base)
    )
    assert here - there == set()


def test_its_user_cannot_change_the_program(image: Image) -> None:
    files = image.below(*OURS)
    assert len(files) > len(OURS)
    assert {each.owner for each in files} == {"0:0"}
    assert [each.path for each in files if each.kind != "l" and each.mode & 0o022] == []


@pytest.mark.parametrize("service", PYTHON, indirect=True)
def test_the_volumes_belong_to_its_user(image: Image) -> None:
    owners = {str(each.path): each.owner for each in image.below("/src") if each.kind == "d"}
    user = "10001:10001"
    assert owners == {"/src": "0:0", "/src/imgs": user, "/src/data": user, "/src/model": user}


@pytest.mark.parametrize("service", PYTHON, indirect=True)
def test_every_module_is_compiled(image: Image) -> None:
    paths = {each.path for each in image.below("/app/venv/lib", "/app/src")}
    modules = {each for each in paths if each.suffix == ".py"}
    (tag,) = {each.suffixes[-2] for each in paths if each.suffix == ".pyc"}
    compiled = {
        each for each in modules if each.parent / "__pycache__" / f"{each.stem}{tag}.pyc" in paths
    }
    assert len(compiled) > 100
    assert modules - compiled == set()


def test_a_build_is_given_no_tests(service: str, docker: None, tmp_path: Path) -> None:
    del docker
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY . /\n")
    given = tmp_path / "given"
    command = ("docker", "build", "--quiet", f"--file={dockerfile}", f"--output={given}")
    run(*command, f"{ROOT}/{service}")
    names = {path.name for path in given.rglob("*")}
    assert "src" in names
    assert [name for name in names if TESTS.fullmatch(name)] == []
    assert not names & {"__pycache__", "node_modules", "dist", ".venv", ".nox", ".env"}


@pytest.mark.usefixtures("images")
def test_each_is_within_its_budget(report: Callable[[str, str, str], None]) -> None:
    for service in SERVICES:
        read_image(base_of(service))
    done = tell_sizes(TAG=TAG, COMPOSE_DISABLE_ENV_FILE="1")
    for line in done.stdout.splitlines()[1:]:
        image, total, over_base, budget, verdict = re.split(r" {2,}", line)
        report(image, f"{total} MB, base + {over_base}: {verdict}", f"<= {budget} MB")
    assert done.stdout.count("\n") == 1 + len(SERVICES), done.stderr
    assert done.returncode == 0, done.stdout


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize(
    ("setting", "missing"),
    [
        ("TAG=none", "ml-pipeline/trainer:none; `docker compose build` makes it"),
        ("PYTHON_IMAGE=none:1", "none:1; `docker pull none:1` fetches it"),
    ],
)
def test_sizes_are_of_what_the_env_file_names(tmp_path: Path, setting: str, missing: str) -> None:
    file = tmp_path / "env"
    file.write_text(f"TAG={TAG}\n{setting}\n")
    done = tell_sizes(COMPOSE_ENV_FILES=str(file))
    assert (done.returncode, done.stderr) == (1, f"images: there is no image {missing}\n")


def test_the_dockerfiles_have_the_same_defaults() -> None:
    pairs = {pair for each in BUILT for pair in dockerfile_arguments(each).items()}
    assert len(dict(pairs)) == len(pairs), sorted(pairs)
    assert dict(pairs).keys() >= {*BASES.values(), "NODE_IMAGE", "VERSION", "REVISION"}


def test_the_dockerfiles_have_the_projects_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    page = json.loads((ROOT / "frontend/package.json").read_text(encoding="utf-8"))
    versions = {dockerfile_arguments(each)["VERSION"] for each in BUILT}
    assert versions == {project["project"]["version"], page["version"]}


def test_no_platform_is_pinned() -> None:
    paths = [ROOT / each / "Dockerfile" for each in BUILT] + sorted(ROOT.glob("compose*.yaml"))
    assert [path.name for path in paths if "platform" in path.read_text(encoding="utf-8")] == []


def tell_sizes(**environment: str) -> subprocess.CompletedProcess[str]:
    """What `./noxw -s images` runs when the images are built."""
    return start(sys.executable, f"{ROOT}/benchmarks/images.py", environment=environment)
