"""The page's proxy: which routes pass it, and how it answers by itself."""

from __future__ import annotations

import http.client
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from engine import run, wait_until
from page_sandbox import SECURITY_HEADERS, address
from refusals import assert_down, assert_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from page_sandbox import Page, Sandbox

pytest_plugins = ["page_fixtures"]

BODY_BYTES = 20_971_520
PIECE = 2**16


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/ping", "/ping"),
        ("/ready", "/ready"),
        ("/training", "/training"),
        ("/models", "/models"),
        ("/models/3/files/a%20b.png", "/models/3/files/a%20b.png"),
        ("/models/3/files/a%3Fb%23c.gz", "/models/3/files/a%3Fb%23c.gz"),
        ("/models/3/files/a%0d%0ab", "/models/3/files/a%0D%0Ab"),
        ("/predict?top_k=3&x=%20", "/predict?top_k=3&x=%20"),
    ],
)
def test_a_route_is_asked_of_the_backend(site: httpx.Client, path: str, seen: str) -> None:
    answer = site.get(f"/api{path}").raise_for_status().json()
    assert (answer["seen"], answer["host"]) == (seen, "inference:5000")


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/metrics", "/openapi.json", "/v2", "/v2/models", "/pingpong", "/predict/more"),
        *("/models/../metrics", "/models/%2e%2e/metrics", "//ping", "/.x", '/"x'),
        *("/ping%0a", "/models%0a", "/%0aping"),
    ],
)
def test_another_route_is_not_found(page: Page, path: str) -> None:
    status, headers, body = ask(page, f"/api{path}")
    assert status == httpx.codes.NOT_FOUND
    assert headers["cache-control"] == "no-store"
    assert_error(headers["content-type"], body, "not_found")


def test_the_backends_own_answer_passes(site: httpx.Client) -> None:
    for status in (400, 404, 413, 415, 500, 502, 503):
        answer = site.get("/api/ready", params={"status": status})
        assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
        assert answer.json()["seen"] == f"/ready?status={status}"


def test_the_backends_own_headers_pass(site: httpx.Client) -> None:
    own = {"Content-Security-Policy": "sandbox", "Cache-Control": "public, immutable"}
    headers = site.get("/api/models", params=own | {"X-Accel-Redirect": "/"}).headers
    assert own.items() <= {name.title(): text for name, text in headers.items()}.items()
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-type"] == "application/json"


def test_where_a_visitor_says_to_come_from_is_not_passed_on(site: httpx.Client) -> None:
    claims = {f"X-Forwarded-{each}" for each in ("For", "Host", "Port", "Proto")}
    claims |= {"Forwarded", "X-Real-IP"}
    headers = dict.fromkeys(claims, "127.0.0.1") | {"X-Other": "kept"}
    names = set(site.get("/api/ping", headers=headers).json()["names"])
    assert "X-Other" in names
    assert names & claims == set()


def test_what_is_no_http_is_refused(page: Page) -> None:
    status, headers, body = ask(page, "/api/ping", skip_host=True)
    assert status == httpx.codes.BAD_REQUEST
    assert_error(headers["content-type"], body, "bad_request")


@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_a_body_of_the_limit_passes_and_a_larger_one_does_not(
    site: httpx.Client, *, chunked: bool
) -> None:
    def body(size: int) -> Any:  # noqa: ANN401 - whatever httpx sends
        return pieces(size) if chunked else bytes(size)

    answer = site.post("/api/predict", content=body(BODY_BYTES))
    assert answer.json()["received"] == BODY_BYTES
    answer = site.post("/api/predict", content=body(BODY_BYTES + 1))
    assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
    assert answer.headers.keys() >= SECURITY_HEADERS
    assert_error(answer.headers["content-type"], answer.content, "too_large")


@pytest.mark.parametrize("status", [413, 415, 503])
def test_a_refusal_before_the_body_is_read_arrives(page: Page, status: int) -> None:
    params: dict[str, int] = {"early": 1, "status": status}
    with page.client() as client:  # its own: nginx closes a connection with half a request
        answer = client.post("/api/predict", params=params, content=bytes(19 * 2**20))
    assert answer.status_code == status
    assert answer.json()["received"] == 0


def test_a_large_answer_waits_at_the_backend(page: Page, site: httpx.Client) -> None:
    def sent() -> int:
        return int(site.get("/api/ping").json()["sent"])

    def stands_still() -> bool:
        before = sent()
        used.append(kibibytes_in_tmp(page))
        return sent() == before > 0

    used: list[int] = []
    with page.client() as client, client.stream("GET", "/api/models?more=100000000") as answer:
        reading = answer.iter_raw(PIECE)  # kept, for its end would end the connection
        next(reading)
        wait_until(stands_still, "the backend is held up, or has sent all")
    assert max(used) < 100, used


def test_a_backend_that_swallows_all_is_told_soon(
    sandbox: Sandbox, report: Callable[[str, str, str], None]
) -> None:
    hole = sandbox.run_program("hole", "black_hole")
    wait_until(lambda: "full" in run("docker", "logs", hole), "the queue is full")
    with sandbox.run_page("swallowed", BACKEND_URL="http://hole:5000").client() as client:
        assert_down(client, report)


def test_a_backend_that_went_is_told_soon_and_found_again(
    sandbox: Sandbox, report: Callable[[str, str, str], None]
) -> None:
    first = sandbox.run_program("moving", "made_up_backend")
    before = address(first)
    with sandbox.run_page("behind", BACKEND_URL="http://moving:5000").client() as client:
        wait_until(lambda: client.get("/api/ping").is_success, "the backend is reached")
        run("docker", "rm", "--force", first)
        assert_down(client, report)
        sandbox.run_program("squatter", "black_hole")  # takes the address that is free
        assert address(sandbox.run_program("moving", "made_up_backend")) != before
        wait_until(lambda: client.get("/api/ping").is_success, "the backend is found again")


def ask(
    page: Page, path: str, *, skip_host: bool = False
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Asks for a path as it is written; httpx would resolve its dots first."""
    connection = http.client.HTTPConnection(page.url.removeprefix("http://"), timeout=10)
    with closing(connection):
        connection.putrequest("GET", path, skip_host=skip_host)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def pieces(size: int) -> Iterator[bytes]:
    for start in range(0, size, PIECE):
        yield bytes(min(PIECE, size - start))


def kibibytes_in_tmp(page: Page) -> int:
    return int(run("docker", "exec", page.id, "df", "--output=used", "/tmp").split()[1])  # noqa: S108
