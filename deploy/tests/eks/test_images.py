from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fake_amazon
import pytest

from deploy.eks import images, registry
from deploy.errors import DeployError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_amazon import Amazon

HERE = Path(__file__).resolve().parent
HOST = "123456789012.dkr.ecr.us-west-2.amazonaws.com"
VALUES = {
    "Architecture": "amd64",
    "TrainerRepositoryUri": f"{HOST}/trial/trainer",
    "InferenceRepositoryUri": f"{HOST}/trial/inference",
    "FrontendRepositoryUri": f"{HOST}/trial/frontend",
}


@dataclass(frozen=True, slots=True)
class Sources:
    """A clone with three services, and a stand-in for Docker and a registry."""

    root: Path
    state: Path

    @property
    def builds(self) -> list[list[str]]:
        """What was asked of each build."""
        calls = (json.loads(line) for line in (self.state / "calls").read_text().splitlines())
        return [each for each in calls if each[1] == "bake" and "--print" not in each]


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    with fake_amazon.answering(monkeypatch) as found:
        yield found


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    root, state, programs = tmp_path / "clone", tmp_path / "registry", tmp_path / "bin"
    (state / "pushed").mkdir(parents=True)
    programs.mkdir()
    program = programs / "docker"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{HERE}/fake_buildx.py" "$@"\n')
    program.chmod(0o755)
    own = tmp_path / "docker"
    (own / "contexts").mkdir(parents=True)
    (own / "config.json").write_text(json.dumps({"credsStore": "desktop", "currentContext": "x"}))
    for service in images.SERVICES:
        (root / service).mkdir(parents=True)
        (root / service / "Dockerfile").write_text("FROM scratch\n")
    (root / ".gitignore").write_text("*.pyc\n")
    git("init", "--quiet", str(root))
    git("-C", str(root), "add", ".")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_REGISTRY", str(state))
    monkeypatch.setenv("DOCKER_CONFIG", str(own))
    monkeypatch.delenv("PYTHON_IMAGE", raising=False)
    monkeypatch.setattr(images, "ROOT", root)
    return Sources(root, state)


def git(*arguments: str) -> None:
    program = shutil.which("git") or "git"
    subprocess.run([program, *arguments], check=True, capture_output=True)


def tags(sources: Sources, platform: str = "linux/amd64") -> dict[str, str]:
    target = {"context": "trainer", "dockerfile": "Dockerfile"}
    targets = {each: {**target, "context": each} for each in images.SERVICES}
    return {
        each: images.content_tag(sources.root, targets[each], platform) for each in images.SERVICES
    }


def test_all_images_are_pushed_and_told_by_digest(amazon: Amazon, sources: Sources) -> None:
    pushed = images.push(amazon.account, VALUES)
    assert pushed.new == images.SERVICES
    assert set(pushed.images) == set(images.SERVICES)
    assert pushed.images["trainer"].startswith(f"{HOST}/trial/trainer@sha256:")
    [build] = sources.builds
    assert "--push" in build
    assert "--set=*.platform=linux/amd64" in build
    assert build[-3:] == list(images.SERVICES)


def test_a_second_time_nothing_is_built(amazon: Amazon, sources: Sources) -> None:
    first = images.push(amazon.account, VALUES)
    second = images.push(amazon.account, VALUES)
    assert second.new == ()
    assert second.images == first.images
    assert len(sources.builds) == 1


def test_only_what_changed_is_built(amazon: Amazon, sources: Sources) -> None:
    first = images.push(amazon.account, VALUES)
    (sources.root / "inference" / "new.py").write_text("x = 1\n")
    second = images.push(amazon.account, VALUES)
    assert second.new == ("inference",)
    assert sources.builds[-1][-1] == "inference"
    assert "trainer" not in sources.builds[-1]
    assert second.images["inference"] != first.images["inference"]
    assert second.images["trainer"] == first.images["trainer"]


def test_other_nodes_and_other_bases_need_other_images(
    amazon: Amazon, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    images.push(amazon.account, VALUES)
    assert images.push(amazon.account, VALUES | {"Architecture": "arm64"}).new == images.SERVICES
    assert "--set=*.platform=linux/arm64" in sources.builds[-1]
    monkeypatch.setenv("PYTHON_IMAGE", "python:3.12")
    assert images.push(amazon.account, VALUES).new == images.SERVICES


def test_the_tag_is_of_what_git_sees(sources: Sources) -> None:
    first = tags(sources)
    (sources.root / "trainer" / "cache.pyc").write_text("ignored")
    git("-C", str(sources.root), "-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x")
    assert tags(sources) == first
    (sources.root / "trainer" / "Dockerfile").write_text("FROM scratch\n# other\n")
    changed = tags(sources)
    assert changed["trainer"] != first["trainer"]
    assert changed["frontend"] == first["frontend"]
    (sources.root / "trainer" / "Dockerfile").rename(sources.root / "trainer" / "Other")
    assert tags(sources)["trainer"] not in {first["trainer"], changed["trainer"]}


def test_a_folder_that_is_no_clone_is_told(
    amazon: Amazon, sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "ROOT", tmp_path)
    assert sources.root.is_dir()
    with pytest.raises(UsageError, match=r"git: .*not a git repository"):
        images.push(amazon.account, VALUES)


def test_the_token_is_for_this_registry_alone_and_gone_afterwards(
    amazon: Amazon, sources: Sources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    images.push(amazon.account, VALUES)
    config = json.loads((sources.state / "config").read_text())
    assert list(config["auths"]) == [HOST]
    assert base64.b64decode(config["auths"][HOST]["auth"]).startswith(b"AWS:")
    assert config["credHelpers"] == {HOST: ""}  # else it would be asked of the user's keychain
    assert config["currentContext"] == "x"
    assert not list(tmp_path.glob("ml-pipeline-*"))
    own = json.loads(Path(os.environ["DOCKER_CONFIG"], "config.json").read_text())
    assert "auths" not in own


def test_docker_finds_the_user_s_builders_and_contexts(amazon: Amazon, sources: Sources) -> None:
    assert sources.root.is_dir()
    with registry.signed_in(amazon.account, [VALUES["TrainerRepositoryUri"]]) as environment:
        folder = Path(environment["DOCKER_CONFIG"])
        assert (folder / "contexts").is_dir()
        assert (folder / "config.json").stat().st_mode & 0o077 == 0


def test_other_registries_stay_signed_in() -> None:
    own: dict[str, Any] = {"auths": {"docker.io": {"auth": "x"}}, "credHelpers": {"ghcr.io": "gh"}}
    config = registry.configuration(own, {HOST}, "token")
    assert config["auths"] == {"docker.io": {"auth": "x"}, HOST: {"auth": "token"}}
    assert config["credHelpers"] == {"ghcr.io": "gh", HOST: ""}
    assert own["credHelpers"] == {"ghcr.io": "gh"}


def test_a_build_that_fails_tells_its_last_lines(
    amazon: Amazon, sources: Sources, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [f"#{n} line {n}" for n in range(40)]
    (sources.state / "fails").write_text("\n".join([*lines, "ERROR: failed to solve: no pip"]))
    with pytest.raises(DeployError, match="failed to solve: no pip; its last lines are above"):
        images.push(amazon.account, VALUES)
    told = capsys.readouterr().err
    assert "  #39 line 39" in told
    assert "#20 line 20" not in told


def test_a_foreign_architecture_tells_how_to_build_for_it(amazon: Amazon, sources: Sources) -> None:
    (sources.state / "fails").write_text("#9 exec /bin/sh: exec format error\nERROR: failed\n")
    with pytest.raises(DeployError, match="tonistiigi/binfmt --install all"):
        images.push(amazon.account, VALUES)


def test_a_registry_that_refuses_is_not_taken_for_an_empty_one(
    amazon: Amazon, sources: Sources
) -> None:
    (sources.state / "denied").touch()
    with pytest.raises(DeployError, match="403 Forbidden"):
        images.push(amazon.account, VALUES)
    assert sources.builds == []
