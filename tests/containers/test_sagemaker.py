"""The model server's image as Amazon SageMaker runs it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest

from engine import run, start, wait_until
from page_sandbox import inspect
from project import ROOT, TAG

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("images")

IMAGE = f"ml-pipeline/inference:{TAG}"
GOLDEN = ROOT / "tests/contract/golden"
HARDENED = ("--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """What SageMaker mounts, unpacked from an archive that was packed as the handbook says."""
    archive, model = tmp_path / "model.tar.gz", tmp_path / "model"
    model.mkdir()
    run("tar", "-C", f"{GOLDEN}/model/good", "-czf", f"{archive}", "golden")
    run("tar", "-C", f"{model}", "-xzf", f"{archive}")
    return model


@contextmanager
def container(model: Path, *options: str) -> Iterator[str]:
    """A container that `docker run image serve` has started; its id."""
    mount = f"--volume={model}:/opt/ml/model:ro"
    name = run("docker", "run", "--detach", *HARDENED, mount, *options, IMAGE, "serve")
    try:
        yield name
    finally:
        run("docker", "rm", "--force", name)


def address(name: str, port: str) -> str:
    published = inspect(name)["NetworkSettings"]["Ports"][f"{port}/tcp"][0]["HostPort"]
    return f"http://127.0.0.1:{published}"


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/ping").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def test_it_keeps_the_contract(model: Path) -> None:
    with container(model, "--publish=127.0.0.1::8080") as name:
        with httpx.Client(base_url=address(name, "8080"), timeout=2, trust_env=False) as client:
            wait_until(lambda: answers(client), "/ping answers 200")
            headers = {
                "Content-Type": "image/png",
                "X-Amzn-SageMaker-Custom-Attributes": "trace=1,top_k=1",
            }
            picture = next(GOLDEN.rglob("*.png")).read_bytes()
            answer = client.post("/invocations", content=picture, headers=headers)
            assert answer.status_code == httpx.codes.OK
            assert answer.json()["model"]["name"] == "golden"
            assert len(answer.json()["predictions"][0]["top"]) == 1
        wait_until(lambda: inspect(name)["State"]["Health"]["Status"] == "healthy", "healthy")
        run("docker", "stop", "--timeout=30", name)
        assert inspect(name)["State"]["ExitCode"] == 0


def test_in_a_pipeline_it_takes_the_port_that_it_is_given(model: Path) -> None:
    label = "com.amazonaws.sagemaker.capabilities.accept-bind-to-port"
    assert inspect(IMAGE)["Config"]["Labels"][label] == "true"
    options = ("--env=SAGEMAKER_BIND_TO_PORT=7000", "--publish=127.0.0.1::7000")
    with (
        container(model, *options) as name,
        httpx.Client(base_url=address(name, "7000"), timeout=2, trust_env=False) as client,
    ):
        wait_until(lambda: answers(client), "/ping answers 200")


def test_what_only_root_may_read_is_told_and_read_by_root(model: Path) -> None:
    model.chmod(0o700)
    mount = f"--volume={model}:/opt/ml/model:ro"
    done = start("docker", "run", "--rm", *HARDENED, mount, IMAGE, "serve")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "/opt/ml/model cannot be read (Permission denied)" in done.stderr
    options = ("--user=0:0", "--publish=127.0.0.1::8080")
    with (
        container(model, *options) as name,
        httpx.Client(base_url=address(name, "8080"), timeout=2, trust_env=False) as client,
    ):
        wait_until(lambda: answers(client), "/ping answers 200")
