"""Traces through the containers: the page's proxy, the model server, a collector."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from engine import run, start, wait_until
from page_sandbox import logged
from project import ROOT, TAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from page_sandbox import Sandbox

pytest_plugins = ["page_fixtures"]

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CONTEXT = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "a=1,b=2"}
COLLECTOR = "--env=OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318"


@pytest.fixture(scope="module")
def traced_image(docker: None) -> Iterator[str]:
    """The model server's image with the extra."""
    del docker
    name = f"ml-pipeline/inference:otel-{uuid.uuid4().hex}"
    argument = "--build-arg=EXTRAS=otel"
    run("docker", "build", "--quiet", argument, f"--tag={name}", f"{ROOT}/inference")
    yield name
    run("docker", "image", "rm", "--force", name)


def test_the_proxy_passes_a_trace_on(site: httpx.Client) -> None:
    assert site.get("/api/ping", headers=CONTEXT).json()["trace"] == CONTEXT
    assert site.post("/api/predict", headers=CONTEXT, content=b"x").json()["trace"] == CONTEXT


def test_a_trace_goes_from_the_page_to_the_collector(sandbox: Sandbox, traced_image: str) -> None:
    program = Path(__file__).with_name("made_up_collector.py")
    mount = ("--entrypoint=python", f"--volume={program}:/collector.py:ro")
    collector = sandbox.run("collector", traced_image, *mount, command=("/collector.py",))
    options = ("--read-only", "--cap-drop=ALL", COLLECTOR, "--env=OTEL_BSP_SCHEDULE_DELAY=100")
    server = sandbox.run("traced", traced_image, *options)
    with sandbox.run_page("tracing", BACKEND_URL="http://traced:5000").client() as client:
        wait_until(lambda: client.get("/api/ping").is_success, "the backend is reached")
        assert client.get("/api/models", headers=CONTEXT).is_success
    wait_until(lambda: "GET /models" in logged(collector), "the span has come")
    (span,) = map(json.loads, logged(collector).splitlines())
    assert span == {"name": "GET /models", "trace": TRACE, "parent": PARENT}
    events = map(json.loads, logged(server).splitlines())
    (event,) = (each for each in events if each["message"] == "request")
    assert (event["path"], event["trace_id"]) == ("/models", TRACE)


@pytest.mark.usefixtures("images")
def test_an_image_without_the_extra_says_how_to_build_it() -> None:
    done = start("docker", "run", "--rm", COLLECTOR, f"ml-pipeline/inference:{TAG}")
    assert done.returncode == 2
    assert "build the image with EXTRAS=otel" in done.stderr
    assert done.stderr.count("\n") == 1
