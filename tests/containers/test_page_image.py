"""The page's image: nginx in front of a backend whose answers are made up here."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import subprocess
import threading
import time
import uuid
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FOLDER = Path(__file__).parents[2] / "frontend"
BASE = "nginxinc/nginx-unprivileged:1.30"
BACKEND_IMAGE = "python:3.13-slim-trixie"
MOST_BYTES_OVER_BASE = 5_000_000
BODY_BYTES = 20_971_520
DOWN_SECONDS = 3.0
DEADLINE_SECONDS = 20.0
HARDENED = (
    *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
    *("--tmpfs", "/tmp:uid=10001,gid=10001", "--memory", "512m", "--cpus", "0.5"),  # noqa: S108
)
SECURITY_HEADERS = {
    "content-security-policy",
    "cross-origin-opener-policy",
    "permissions-policy",
    "referrer-policy",
    "x-content-type-options",
}

BACKEND = """
import http.server, json, time, urllib.parse

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        time.sleep(float(query.get("wait", 0)))
        early = "early" in query
        received = 0 if early else self.drain()
        said = {"seen": self.path, "host": self.headers["host"], "received": received}
        content = json.dumps(said).encode() + bytes(int(query.get("more", 0)))
        self.send_response(int(query.get("status", 200)))
        for name in ("Content-Security-Policy", "Cache-Control", "X-Accel-Redirect"):
            if name in query:
                self.send_header(name, query[name])
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Retry-After", "7")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        if early:
            self.wfile.flush()
            self.drain()

    def drain(self):
        if "chunked" in self.headers.get("transfer-encoding", ""):
            received = 0
            while size := int(self.rfile.readline(), 16):
                received += len(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return received
        left = int(self.headers.get("content-length", 0))
        received = 0
        while received < left:
            chunk = self.rfile.read(min(65536, left - received))
            if not chunk:
                break
            received += len(chunk)
        return received

    do_POST = do_PUT = do_GET

http.server.ThreadingHTTPServer(("", 5000), Handler).serve_forever()
"""

# A queue that is full, from which nobody takes: the kernel drops what else would connect.
BLACK_HOLE = """
import socket, time

listening = socket.create_server(("", 5000), backlog=0)
waiting = [socket.socket() for _ in range(3)]
for each in waiting:
    each.setblocking(False)
    each.connect_ex(("127.0.0.1", 5000))
print("full", flush=True)
time.sleep(600)
"""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A network of its own, and the image that is tried in it."""

    network: str
    image: str

    def run(self, name: str, image: str, *options: str, command: tuple[str, ...] = ()) -> str:
        """Starts a container in the background, and returns its id."""
        named = ("--name", f"{self.network}-{name}", "--network-alias", name)
        placed = ("run", "--detach", "--network", self.network, *named)
        return docker_says(*placed, *options, image, *command)

    def run_backend(self) -> str:
        """Starts the backend, with the address that is free, and returns its id."""
        options = ("--stop-signal", "KILL")
        return self.run("inference", BACKEND_IMAGE, *options, command=("python", "-c", BACKEND))

    def run_page(self, name: str, *options: str) -> Page:
        """Starts the page as compose does, and waits until it is healthy."""
        page = self.run(name, self.image, *HARDENED, "--publish", "127.0.0.1::3000", *options)
        eventually(lambda: inspect(page)["State"]["Health"]["Status"] == "healthy")
        port = inspect(page)["NetworkSettings"]["Ports"]["3000/tcp"][0]["HostPort"]
        return Page(page, f"http://127.0.0.1:{port}")


@dataclass(frozen=True, slots=True)
class Page:
    """A page that runs."""

    id: str
    url: str

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30, trust_env=False)


@pytest.fixture(scope="module")
def image(docker: None) -> str:
    """The image, built from what the cache holds and what has changed."""
    del docker
    tag = "ml-pipeline/frontend:test"
    versions = ("--build-arg", "VERSION=1.2.3", "--build-arg", "REVISION=abc")
    docker_says("build", "--quiet", "--tag", tag, *versions, str(FOLDER))
    return tag


@pytest.fixture(scope="module")
def sandbox(image: str) -> Iterator[Sandbox]:
    network = f"page-{uuid.uuid4().hex[:8]}"
    docker_says("network", "create", network)
    yield Sandbox(network, image)
    for container in docker_says("ps", "--all", "--quiet", "--filter", f"name={network}-").split():
        docker_says("rm", "--force", "--volumes", container)
    docker_says("network", "rm", network)


@pytest.fixture(scope="module")
def backend(sandbox: Sandbox) -> str:
    return sandbox.run_backend()


@pytest.fixture(scope="module")
def page(sandbox: Sandbox, backend: str) -> Page:
    page = sandbox.run_page("page")
    with page.client() as client:
        eventually(lambda: client.get("/api/ping").is_success)
    del backend
    return page


@pytest.fixture(scope="module")
def site(page: Page) -> Iterator[httpx.Client]:
    with page.client() as client:
        yield client


def test_the_image_is_small_and_says_what_it_is(image: str) -> None:
    size, base = inspect(image)["Size"], inspect(BASE)["Size"]
    print(f"\nfrontend: {(size - base) / 1e6:.2f} MB over its base")  # noqa: T201 - a figure
    assert size - base <= MOST_BYTES_OVER_BASE
    config = inspect(image)["Config"]
    said = {name.rpartition(".")[2]: text for name, text in config["Labels"].items()}
    assert {"version": "1.2.3", "revision": "abc", "licenses": "Apache-2.0"}.items() <= said.items()
    assert config["User"] == "10001:10001"
    assert "curl" not in str(config["Healthcheck"]["Test"])


def test_nothing_runs_as_root(page: Page) -> None:
    rows = docker_says("top", page.id, "-o", "pid,uid").splitlines()[1:]
    assert {row.split()[1] for row in rows} == {"10001"}


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
    ],
)
def test_another_route_is_not_found(page: Page, path: str) -> None:
    status, headers, body = raw_get(page, f"/api{path}")
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


@pytest.mark.parametrize(
    "path", ["/", "/favicon.svg", "/nothing", "/api/ping", "/api/nothing", "/" + 9000 * "x"]
)
def test_every_answer_has_the_security_headers(site: httpx.Client, path: str) -> None:
    headers = site.get(path).headers
    assert headers.keys() >= SECURITY_HEADERS
    assert headers["server"] == "nginx"


@pytest.mark.parametrize(
    "path", ["/nothing", "/.env", "/assets/", "/index.html.gz", "/package.json"]
)
def test_a_stranger_is_not_found(site: httpx.Client, path: str) -> None:
    answer = site.get(path)
    assert answer.status_code == httpx.codes.NOT_FOUND
    assert answer.headers["content-type"].startswith("text/plain")


def test_the_page_is_asked_for_anew_and_its_files_are_kept(site: httpx.Client) -> None:
    index = site.get("/")
    assert index.headers["cache-control"] == "no-cache"
    same = site.get("/", headers={"If-None-Match": index.headers["etag"]})
    assert same.status_code == httpx.codes.NOT_MODIFIED
    kept = "public, max-age=31536000, immutable"
    for path in re.findall(r'"(/assets/[^"]+)"', index.text):
        assert site.get(path).raise_for_status().headers["cache-control"] == kept
    assert site.get("/assets/nothing.js").headers["cache-control"] == "no-store"


def test_files_are_sent_as_they_were_compressed(site: httpx.Client) -> None:
    (path,) = re.findall(r'"(/assets/[^"]+\.js)"', site.get("/").text)
    plain = site.get(path, headers={"Accept-Encoding": "identity"})
    with site.stream("GET", path, headers={"Accept-Encoding": "gzip"}) as packed:
        content = b"".join(packed.iter_raw())
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert len(content) < len(plain.content) / 2
    assert gzip.decompress(content) == plain.content


def test_what_is_no_http_is_refused(page: Page) -> None:
    connection = http.client.HTTPConnection(page.url.removeprefix("http://"), timeout=10)
    with closing(connection):
        connection.putrequest("GET", "/api/ping", skip_host=True)
        connection.endheaders()
        refusal = connection.getresponse()
        assert refusal.status == httpx.codes.BAD_REQUEST
        assert_error(refusal.headers["content-type"], refusal.read(), "bad_request")


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
def test_a_refusal_before_the_body_is_read_arrives(site: httpx.Client, status: int) -> None:
    params: dict[str, int] = {"early": 1, "status": status}
    answer = site.post("/api/predict", params=params, content=bytes(19 * 2**20))
    assert answer.status_code == status
    assert answer.json()["received"] == 0


def test_a_large_answer_waits_at_the_backend(page: Page, site: httpx.Client) -> None:
    with site.stream("GET", "/api/models", params={"more": 100_000_000}) as answer:
        next(answer.iter_raw(5_000_000))
        used = docker_says("exec", page.id, "df", "--output=used", "/tmp").split()[1]  # noqa: S108
    assert int(used) < 100


def test_the_log_is_json_without_queries(page: Page, site: httpx.Client) -> None:
    site.get("/api/ping?key=secret", headers={"Authorization": "secret"})
    lines = docker_logs(page.id).splitlines()
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    assert any(each["path"] == "/api/ping" and each["status"] == 200 for each in entries)
    assert "secret" not in str(entries)


def test_a_request_in_flight_is_answered_when_the_page_stops(sandbox: Sandbox, page: Page) -> None:
    del page
    other = sandbox.run_page("stopping")
    answers: list[httpx.Response] = []

    def ask() -> None:
        with other.client() as client:
            answers.append(client.get("/api/training?wait=2"))

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(lambda: ":5000" in connections(other))
    docker_says("stop", "--time", "15", other.id)
    asking.join()
    assert answers[0].is_success
    assert inspect(other.id)["State"]["ExitCode"] == 0


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ml-backend:5000",
            "file:///etc/passwd",
            "nonsense",
            "http://",
            "http://a:0",
            "http://a:99999",
        ),
        *(
            "http://a;b",
            "http://a b",
            "http://a/$uri",
            "http://a{}",
            'http://a"',
            "http://a\nhttp://b",
        ),
        *("http://a\n", "http://a?b", "http://u:p@a", "http://[::1", "http://a/\\"),
    ],
)
def test_a_bad_backend_stops_the_start(sandbox: Sandbox, url: str) -> None:
    assert_no_start(sandbox, "BACKEND_URL", url, "the API's address, such as http://127.0.0.1:5000")


@pytest.mark.parametrize("port", ["0", "65536", "3e3", "03000", "80;"])
def test_a_bad_port_stops_the_start(sandbox: Sandbox, port: str) -> None:
    assert_no_start(sandbox, "PORT", port, "a port between 1 and 65535")


@pytest.mark.parametrize("limit", ["0", "-1", "20m", "99999999999999999999"])
def test_a_bad_limit_stops_the_start(sandbox: Sandbox, limit: str) -> None:
    wanted = "a number of bytes between 1 and 2147483647"
    assert_no_start(sandbox, "MAX_BODY_BYTES", limit, wanted)


def test_a_prefix_and_an_address_are_kept(sandbox: Sandbox, backend: str, page: Page) -> None:
    del page
    url = f"http://{address(backend)}:5000/base/"
    settings = ("--env", f"BACKEND_URL={url}", "--env", "MAX_BODY_BYTES=9")
    with sandbox.run_page("prefixed", *settings).client() as client:
        assert client.get("/api/models/a%20b?x=1").json()["seen"] == "/base/models/a%20b?x=1"
        assert client.post("/api/predict", content=bytes(9)).is_success
        assert client.post("/api/predict", content=bytes(10)).status_code == 413


def test_a_backend_that_swallows_all_is_told_soon(sandbox: Sandbox) -> None:
    hole = sandbox.run("hole", BACKEND_IMAGE, command=("python", "-c", BLACK_HOLE))
    eventually(lambda: "full" in docker_says("logs", hole))
    with sandbox.run_page("swallowed", "--env", "BACKEND_URL=http://hole:5000").client() as client:
        assert_down(client)


def test_a_backend_that_went_is_told_soon_and_found_again(
    sandbox: Sandbox, backend: str, site: httpx.Client
) -> None:
    before = address(backend)
    docker_says("stop", backend)
    assert_down(site)
    docker_says("rm", backend)
    sandbox.run("squatter", BACKEND_IMAGE, command=("sleep", "600"))
    after = address(sandbox.run_backend())
    assert before != after
    eventually(lambda: site.get("/api/ping").is_success)


def assert_down(site: httpx.Client) -> None:
    for _ in range(2):
        started = time.monotonic()
        answer = site.get("/api/models")
        seconds = time.monotonic() - started
        print(f"\nfrontend: a backend that is down is told in {seconds:.2f} s")  # noqa: T201
        assert answer.status_code == httpx.codes.BAD_GATEWAY
        assert_error(answer.headers["content-type"], answer.content, "bad_gateway")
        assert answer.headers.keys() >= SECURITY_HEADERS
        assert seconds <= DOWN_SECONDS


def assert_no_start(sandbox: Sandbox, variable: str, value: str, wanted: str) -> None:
    name = f"bad-{uuid.uuid4().hex[:8]}"
    container = sandbox.run(name, sandbox.image, *HARDENED, "--env", f"{variable}={value}")
    eventually(lambda: inspect(container)["State"]["Status"] == "exited")
    shown = "".join(each if each.isprintable() else "?" for each in value)
    assert docker_logs(container) == f'{variable} is "{shown}"; give {wanted}\n'
    assert inspect(container)["State"]["ExitCode"] == 2


def assert_error(content_type: str, body: bytes, code: str) -> None:
    error = json.loads(body)["error"]
    assert (content_type, error["code"]) == ("application/json", code)
    assert "\n" not in error["message"]


def raw_get(page: Page, path: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    """Asks for a path as it is written; httpx would resolve its dots first."""
    connection = http.client.HTTPConnection(page.url.removeprefix("http://"), timeout=10)
    with closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def pieces(size: int) -> Iterator[bytes]:
    for start in range(0, size, 2**16):
        yield bytes(min(2**16, size - start))


def connections(page: Page) -> str:
    """The page's open connections to ports 5000, as addresses (proc(5), /proc/net/tcp)."""
    table = docker_says("exec", page.id, "cat", "/proc/net/tcp")
    return " ".join(
        f":{int(row.split()[2].rpartition(':')[2], 16)}" for row in table.splitlines()[1:]
    )


def address(container: str) -> str:
    (network,) = inspect(container)["NetworkSettings"]["Networks"].values()
    return str(network["IPAddress"])


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_SECONDS:g} s"
        time.sleep(0.1)


def inspect(name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(docker_says("inspect", name))
    return found[0]


def docker_logs(container: str) -> str:
    return run_docker("logs", container).stderr


def docker_says(*arguments: str) -> str:
    """What a docker command prints; its own words, when it fails."""
    done = run_docker(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run_docker(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = ["docker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
