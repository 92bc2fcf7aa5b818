"""The substitute that the page's proxy asks while the backend cannot be reached."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from engine import run, wait_until
from page_sandbox import SECURITY_HEADERS, logged
from refusals import assert_down, assert_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from page_sandbox import Page, Sandbox

pytest_plugins = ["page_fixtures"]

REFUSING = "http://inference:5001"  # where nothing listens
SUBSTITUTE = "http://unready:5000/below/"


@pytest.fixture(scope="module")
def unready(sandbox: Sandbox) -> str:
    """A substitute; its container's id."""
    return sandbox.run_program("unready", "made_up_backend")


@pytest.fixture(scope="module")
def alone(sandbox: Sandbox, unready: str) -> Page:
    """A page that reaches the substitute alone."""
    del unready
    page = sandbox.run_page("alone", BACKEND_URL=REFUSING, UNREADY_BACKEND_URL=SUBSTITUTE)
    with page.client() as client:
        wait_until(lambda: client.get("/api/ping").is_success, "the substitute is reached")
    return page


@pytest.fixture
def lone(alone: Page) -> Iterator[httpx.Client]:
    with alone.client() as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/ping", "/ready", "/training", "/models?x=%20", "/models/3/files/a%3Fb%20c%25.png"]
)
def test_the_substitute_is_asked(lone: httpx.Client, path: str) -> None:
    answer = lone.get(f"/api{path}").raise_for_status().json()
    assert (answer["seen"], answer["host"]) == (f"/below{path}", "unready:5000")


@pytest.mark.usefixtures("hole", "unready")
def test_a_backend_that_swallows_all_has_a_substitute(sandbox: Sandbox) -> None:
    """As a Service that leads nowhere may, behind a network policy."""
    settings = {"BACKEND_URL": "http://swallowing:5000", "UNREADY_BACKEND_URL": SUBSTITUTE}
    with sandbox.run_page("substituted", **settings).client() as client:
        wait_until(lambda: client.get("/api/ping").is_success, "the substitute is reached")


@pytest.mark.parametrize("status", [404, 502, 503])
def test_its_answer_passes_as_the_backends_would(lone: httpx.Client, status: int) -> None:
    own = {"Content-Security-Policy": "sandbox", "Cache-Control": "no-store"}
    answer = lone.get("/api/ready", params=own | {"status": str(status)})
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
    assert answer.json()["host"] == "unready:5000"
    assert own.items() <= {name.title(): text for name, text in answer.headers.items()}.items()
    assert answer.headers.keys() >= SECURITY_HEADERS
    assert answer.headers.get_list("x-content-type-options") == ["nosniff"]


def test_its_answer_is_logged_once(alone: Page, lone: httpx.Client) -> None:
    def lines() -> list[dict[str, object]]:
        entries = [json.loads(each) for each in logged(alone.id).splitlines() if each[0] == "{"]
        return [each for each in entries if each["path"] == "/api/models/once"]

    lone.get("/api/models/once", params={"status": "503"})
    wait_until(lambda: bool(lines()), "the answer is logged")
    (line,) = lines()
    assert (line["status"], line["backend_status"]) == (503, "502 : 503")


def test_a_picture_is_not_sent_there(lone: httpx.Client) -> None:
    for answer in (lone.post("/api/predict", content=b"pixels"), lone.get("/api/predict")):
        assert answer.status_code == httpx.codes.BAD_GATEWAY
        assert_error(answer.headers["content-type"], answer.content, "bad_gateway")
        assert answer.headers.keys() >= SECURITY_HEADERS


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_what_has_a_body_is_not_sent_there(lone: httpx.Client, *, chunked: bool) -> None:
    content = iter([b"words"]) if chunked else b"words"
    answer = lone.request("GET", "/api/ready", content=content)
    assert answer.status_code == httpx.codes.BAD_GATEWAY


def test_only_what_is_read_is_asked_there(lone: httpx.Client) -> None:
    assert lone.head("/api/ready").status_code == httpx.codes.NOT_IMPLEMENTED  # as it says there
    assert lone.request("GET", "/api/ready", headers={"content-length": "0"}).is_success
    assert lone.post("/api/models", content=b"").status_code == httpx.codes.BAD_GATEWAY


@pytest.mark.usefixtures("unready")
def test_a_backend_that_answers_has_no_substitute(sandbox: Sandbox) -> None:
    with sandbox.run_page("both", UNREADY_BACKEND_URL=SUBSTITUTE).client() as client:
        wait_until(lambda: client.get("/api/ping").is_success, "the backend is reached")
        for status in (200, 404, 500, 502, 503, 504):
            answer = client.get("/api/ready", params={"status": status})
            assert (answer.status_code, answer.json()["host"]) == (status, "inference:5000")
        broken = client.get("/api/ready?drop=1")  # it has been sent, and is not sent again
        assert_error(broken.headers["content-type"], broken.content, "bad_gateway")


@pytest.mark.parametrize(
    ("backend", "substitute"),
    [
        (REFUSING, ""),
        (REFUSING, REFUSING),
        (REFUSING, "http://missing:5000"),
        (REFUSING, "http://swallowing:5000"),
        ("http://missing:5000", "http://swallowing:5000"),
        ("http://swallowing:5000", ""),
        ("http://swallowing:5000", "http://swallowing:5000"),
    ],
)
@pytest.mark.usefixtures("unready", "hole")
def test_both_being_down_is_told_soon(
    sandbox: Sandbox, backend: str, substitute: str, report: Callable[[str, str, str], None]
) -> None:
    settings = {"BACKEND_URL": backend, "UNREADY_BACKEND_URL": substitute}
    page = sandbox.run_page("down", **settings)
    try:
        with page.client() as client:
            assert_down(client, report)
    finally:
        run("docker", "rm", "--force", page.id)


@pytest.fixture(scope="module")
def hole(sandbox: Sandbox) -> None:
    """A server behind which all is lost."""
    hole = sandbox.run_program("swallowing", "black_hole")
    wait_until(lambda: "full" in run("docker", "logs", hole), "the queue is full")
