"""The commands for trainings and models, as a user types them."""

from __future__ import annotations

import re
import struct
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from engine import start, unmet, wait_until
from project import ROOT

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from cluster import Cluster
    from kubectl import Kubectl

    Deploy = Callable[..., subprocess.CompletedProcess[str]]

PROGRAM = ROOT / ".nox/env_deploy/bin/deploy"
SIDE = 16  # pixels
PICTURES = 50  # of each class: by content, some fall to each split
CLASSES = {"blue": (0, 0, 1), "red": (1, 0, 0)}


@pytest.fixture(scope="module")
def deploy(deployed: Kubectl, cluster: Cluster, overlay: Path) -> Deploy:
    """Runs the program on what the tests have applied."""
    del deployed
    if not PROGRAM.exists():
        unmet("./noxw -s env_deploy installs what is tested", "REQUIRE_KIND")

    def deploy(command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        target = (f"--context=kind-{cluster.name}", f"--overlay={overlay}")
        environment = {"KUBECONFIG": str(cluster.kubeconfig)}
        return start(str(PROGRAM), command, *target, *arguments, environment=environment)

    return deploy


def test_a_folder_of_this_machine_is_trained_on(
    deploy: Deploy, deployed: Kubectl, tmp_path: Path
) -> None:
    make_pictures(tmp_path / "colours")
    named = "--model-name=uploaded"
    quick = ("--set=EPOCHS=1", f"--set=IMAGE_SIZE={2 * SIDE}")
    done = deploy("train", f"--data={tmp_path}/colours", *quick, named)
    assert done.returncode == 0, done.stderr
    assert "version 1 of uploaded is published" in done.stderr
    (name,) = re.findall(r"^(ml-training-job-\d+) is created", done.stderr, re.MULTILINE)
    assert deployed.get("job", name)["status"]["succeeded"] == 1
    listed = deploy("list", named)
    assert (listed.returncode, listed.stdout.count("\n")) == (0, 1), listed.stderr
    assert re.match(r"\* +1 .*colours", listed.stdout)


def test_a_broken_version_is_not_served_and_left_by_a_rollback(
    deploy: Deploy, deployed: Kubectl, page_url: str, image: bytes
) -> None:
    good = models(page_url)["current"]
    done = deploy("break")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: "failed" in states(page_url).values(), "it was tried")
    answer = httpx.post(f"{page_url}/api/predict", files={"file": image}, trust_env=False)
    assert answer.raise_for_status().json()["model"]["version"] == good
    done = deploy("rollback")
    assert done.returncode == 0, done.stderr
    assert current(deploy) == models(page_url)["current"] == good
    assert deployed.find("jobs", "app.kubernetes.io/component=model") == []


def test_what_the_trainer_refuses_is_told(deploy: Deploy) -> None:
    done = deploy("rollback", "99")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "rollback failed, bad usage or settings (exit code 2)" in done.stderr


def current(deploy: Deploy) -> int:
    """The version that is to be served."""
    (version,) = re.findall(r"^\* +(\d+) ", deploy("list").stdout, re.MULTILINE)
    return int(version)


def models(page_url: str) -> dict[str, Any]:
    answer = httpx.get(f"{page_url}/api/models", trust_env=False).raise_for_status()
    return dict(answer.json())


def states(page_url: str) -> dict[int, str]:
    """Each version's, as the model server sees it."""
    return {each["version"]: each["state"] for each in models(page_url)["versions"]}


def make_pictures(folder: Path) -> None:
    """A folder of pictures a class, each of another shade."""
    for label, colour in CLASSES.items():
        (folder / label).mkdir(parents=True)
        for number in range(PICTURES):
            pixel = bytes((255 - 4 * number) * part for part in colour)
            (folder / label / f"{number}.png").write_bytes(png(pixel))


def png(pixel: bytes) -> bytes:
    """A square of one colour."""
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)  # 8 bits each of RGB
    rows = (b"\0" + pixel * SIDE) * SIDE
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
