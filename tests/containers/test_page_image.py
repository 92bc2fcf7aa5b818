"""The page's container: how it starts, with which settings it does not, and how it ends."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from engine import run, wait_until
from page_sandbox import address, inspect, logged

if TYPE_CHECKING:
    import httpx

    from page_sandbox import Page, Sandbox

pytest_plugins = ["page_fixtures"]

BAD_URLS = (
    *("ml-backend:5000", "file:///etc/passwd", "nonsense", "http://", "http://a:0"),
    *("http://a:99999", "http://a;b", "http://a b", "http://a/$uri", "http://a{}", 'http://a"'),
    *("http://a\nhttp://b", "http://a\n", "http://a?b", "http://u:p@a", "http://[::1"),
    "http://a/\\",
)
ADDRESS = "the API's address, such as http://127.0.0.1:5000"


def test_nothing_runs_as_root(page: Page) -> None:
    rows = run("docker", "top", page.id, "-o", "pid,uid").splitlines()[1:]
    assert {row.split()[1] for row in rows} == {"10001"}


def test_the_log_is_json_without_queries(page: Page, site: httpx.Client) -> None:
    site.get("/api/ping?key=secret", headers={"Authorization": "secret"})
    entries = requests_logged(page)
    assert any(each["path"] == "/api/ping" and each["status"] == 200 for each in entries)
    assert "secret" not in str(entries)


def test_the_log_is_without_the_health_check(page: Page, site: httpx.Client) -> None:
    run("docker", "exec", page.id, "bash", "/etc/page/healthcheck.sh")
    site.get("/", headers={"User-Agent": "healthcheck"})
    clients = {each["client"] for each in requests_logged(page)}
    assert clients
    assert "127.0.0.1" not in clients


@pytest.mark.parametrize(
    ("agent", "path", "lines"),
    [
        ("kube-probe/1.35", "/", 0),
        ("kube-probe/1.35+", "/?probed", 0),
        ("ELB-HealthChecker/2.0", "/", 0),
        ("ELB-HealthChecker/2.0", "/api/ping", 1),
        ("kube-probe/1.35", "/no-such-probe", 1),
        ("kube-probe/1.35", "/api/ping", 1),
        ("kube-probe/1.35 /", "/", 1),
        ("Mozilla/5.0 kube-probe/1.35", "/", 1),
    ],
)
def test_the_log_is_without_the_kubelet_s_probes_of_the_page(
    page: Page, site: httpx.Client, agent: str, path: str, lines: int
) -> None:
    before = len(requests_logged(page))
    site.get(path, headers={"User-Agent": agent})
    site.get("/the-next")
    wait_until(lambda: requests_logged(page)[-1]["path"] == "/the-next", "the next is logged")
    assert len(requests_logged(page)) - before == lines + 1


@pytest.mark.parametrize("url", BAD_URLS)
def test_a_bad_backend_stops_the_start(sandbox: Sandbox, url: str) -> None:
    assert_no_start(sandbox, "BACKEND_URL", url, ADDRESS)


@pytest.mark.parametrize("url", ["ml-backend:5000", "http://a;b", "http://a\nhttp://b", " "])
def test_a_bad_substitute_stops_the_start(sandbox: Sandbox, url: str) -> None:
    assert_no_start(sandbox, "UNREADY_BACKEND_URL", url, ADDRESS)


@pytest.mark.parametrize("port", ["0", "65536", "3e3", "03000", "80;"])
def test_a_bad_port_stops_the_start(sandbox: Sandbox, port: str) -> None:
    assert_no_start(sandbox, "PORT", port, "a port between 1 and 65535")


@pytest.mark.parametrize("limit", ["0", "-1", "20m", "99999999999999999999"])
def test_a_bad_limit_stops_the_start(sandbox: Sandbox, limit: str) -> None:
    wanted = "a number of bytes between 1 and 2147483647"
    assert_no_start(sandbox, "MAX_BODY_BYTES", limit, wanted)


def test_a_prefix_an_address_and_a_limit_are_kept(sandbox: Sandbox) -> None:
    backend = sandbox.run_program("addressed", "made_up_backend")
    settings = {"BACKEND_URL": f"http://{address(backend)}:5000/base/", "MAX_BODY_BYTES": "9"}
    with sandbox.run_page("prefixed", **settings).client() as client:
        wait_until(lambda: client.get("/api/ping").is_success, "the backend is reached")
        assert client.get("/api/models/a%20b?x=1").json()["seen"] == "/base/models/a%20b?x=1"
        assert client.post("/api/predict", content=bytes(9)).is_success
        assert client.post("/api/predict", content=bytes(10)).status_code == 413


@pytest.mark.usefixtures("page")
def test_a_request_in_flight_is_answered_when_the_page_stops(sandbox: Sandbox) -> None:
    stopping = sandbox.run_page("stopping")
    with stopping.client() as client, ThreadPoolExecutor() as pool:
        answer = pool.submit(client.get, "/api/training?wait=2")
        wait_until(lambda: 5000 in remote_ports(stopping), "the backend is asked")
        run("docker", "stop", "--time=15", stopping.id)
        assert answer.result().is_success
    assert inspect(stopping.id)["State"]["ExitCode"] == 0


def requests_logged(page: Page) -> list[dict[str, Any]]:
    return [json.loads(line) for line in logged(page.id).splitlines() if line.startswith("{")]


def assert_no_start(sandbox: Sandbox, variable: str, value: str, wanted: str) -> None:
    container = sandbox.run_image("bad", **{variable: value})
    try:
        wait_until(lambda: inspect(container)["State"]["Status"] == "exited", "it ends", 20)
        assert inspect(container)["State"]["ExitCode"] == 2
        shown = "".join(each if each.isprintable() else "?" for each in value)
        assert logged(container) == f'{variable} is "{shown}"; give {wanted}\n'
    finally:
        run("docker", "rm", "--force", container)


def remote_ports(page: Page) -> set[int]:
    """Where the page's connections lead (proc(5), /proc/net/tcp)."""
    table = run("docker", "exec", page.id, "cat", "/proc/net/tcp").splitlines()[1:]
    return {int(row.split()[2].rpartition(":")[2], 16) for row in table}
