"""Downloads, from real servers that behave and that do not."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from http_server import cut_once, sent
from small_volume import make_read_only, small_volume

from trainer.connections import Pace
from trainer.downloads import Budget, Download, fetch, open_client
from trainer.errors import DataError, TemporaryError

if TYPE_CHECKING:
    from pathlib import Path

    from http_server import Handler, Server

BODY = bytes(range(256)) * 500
SHA256 = hashlib.sha256(BODY).hexdigest()
REST = f"bytes 1000-{len(BODY) - 1}/{len(BODY)}"
NO_HOST = "http://xn--/"

pytestmark = pytest.mark.usefixtures("no_waits")


def test_whole_file(server: Server, tmp_path: Path) -> None:
    received: list[int] = []
    got = run(server.add("/a", BODY), tmp_path, budget=Budget(10**9, received.append))
    assert got == BODY
    assert received[-1] == len(BODY)
    assert not (tmp_path / "file.part").exists()


def test_resumed_after_a_cut(server: Server, tmp_path: Path) -> None:
    url = server.add("/a", cut_once(BODY, 50_000, ETag='"1"'))
    assert run(url, tmp_path, sha256=SHA256) == BODY
    _, resumed = server.requests
    assert resumed[1]["Range"].startswith("bytes=")
    assert 0 < int(resumed[1]["Range"][6:-1]) <= 50_000
    assert resumed[1]["If-Range"] == '"1"'


def test_resumed_by_another_process(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(BODY[:1000])
    (tmp_path / "file.http.json").write_text('["\\"1\\"", null]')
    answer = cut_once(BODY, 0, ETag='"1"')
    url = server.add("/a", answer)
    assert run(url, tmp_path) == BODY
    assert "Range" in server.requests[0][1]


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"1"'}], ids=["none", "weak"])
def test_begun_again_without_a_validator(
    server: Server, tmp_path: Path, headers: dict[str, str]
) -> None:
    assert run(server.add("/a", cut_once(BODY, 50_000, **headers)), tmp_path) == BODY
    assert "Range" not in server.requests[1][1]


def test_begun_again_when_the_file_has_changed(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(b"of the old file")
    (tmp_path / "file.http.json").write_text('["\\"old\\"", null]')
    assert run(server.add("/a", sent(BODY, ETag='"new"')), tmp_path) == BODY


def test_server_that_resumes_wrongly(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(BODY[:1000])
    (tmp_path / "file.http.json").write_text('["\\"1\\"", null]')
    url = server.add(
        "/a",
        lambda handler: (
            handler.send(206, BODY[5:], Content_Range=f"bytes 5-{len(BODY) - 1}/{len(BODY)}")
            if handler.headers["Range"]
            else handler.send(200, BODY)
        ),
    )
    assert run(url, tmp_path) == BODY


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"z" * (len(BODY) - 1000), {"ETag": '"2"', "Content_Range": REST}),
        (b"z", {"ETag": '"1"', "Content_Range": REST}),
        (b"z", {"Content_Range": f"bytes 1000-{'9' * 5000}/{'9' * 5000}"}),
    ],
    ids=["another file", "too short", "too large"],
)
def test_server_that_lies_about_the_rest(
    server: Server, tmp_path: Path, body: bytes, headers: dict[str, str]
) -> None:
    (tmp_path / "file.part").write_bytes(BODY[:1000])
    (tmp_path / "file.http.json").write_text('["\\"1\\"", null]')

    def lie(handler: Handler) -> None:
        status, data = (206, body) if handler.headers["Range"] else (200, BODY)
        handler.send(status, data, **(headers if status == 206 else {}))

    assert run(server.add("/a", lie), tmp_path) == BODY


@pytest.mark.parametrize("note", ["[]", "{}", "5", "x", '["\\u00e9", null]', '[["x"], 5]'])
def test_damaged_note_of_an_earlier_download(server: Server, tmp_path: Path, note: str) -> None:
    (tmp_path / "file.part").write_bytes(b"of what?")
    (tmp_path / "file.http.json").write_text(note)
    assert run(server.add("/a", BODY), tmp_path) == BODY


def test_unchanged_without_a_file(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="the server answers 304"):
        run(server.add("/a", 304), tmp_path)


def test_unchanged_but_of_another_hash_is_not_taken(server: Server, tmp_path: Path) -> None:
    run(server.add("/a", sent(BODY, ETag='"1"')), tmp_path)
    (tmp_path / "file").write_bytes(b"damaged on the disk")
    assert run(server.url("/a"), tmp_path, sha256=SHA256) == BODY
    assert "If-None-Match" not in server.requests[1][1]


@pytest.mark.parametrize("host", ["xn--", "xn---.test", "[v1.x]", "a:b", "\u3002"])
def test_names_that_are_no_hosts(server: Server, tmp_path: Path, host: str) -> None:
    with pytest.raises(DataError, match="no usable http or https URL"):
        run(f"http://{host}/", tmp_path)
    moved = server.add("/moved", lambda handler: handler.send(302, b"", Location=NO_HOST))
    with pytest.raises(DataError, match="/moved: no usable http or https URL"):
        run(moved, tmp_path)


@pytest.mark.parametrize("status", [100, 103])
def test_endless_answers_before_the_answer(server: Server, tmp_path: Path, status: int) -> None:
    def endless(handler: Handler) -> None:
        while True:
            handler.wfile.write(b"HTTP/1.1 %d Wait\r\nX: %b\r\n\r\n" % (status, b"y" * 1000))

    with pytest.raises(TemporaryError, match="the connection was cut off"):
        run(server.add("/a", endless), tmp_path)


def test_unchanged_file_is_kept(server: Server, tmp_path: Path) -> None:
    url = server.add(
        "/a",
        lambda handler: (
            handler.send(304, b"")
            if handler.headers["If-None-Match"] == '"1"'
            else handler.send(200, BODY, ETag='"1"')
        ),
    )
    assert run(url, tmp_path) == run(url, tmp_path) == BODY
    assert "If-None-Match" in server.requests[1][1]


def test_file_of_known_hash_is_not_asked_for(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(BODY)
    assert run(server.url("/nothing"), tmp_path, sha256=SHA256) == BODY
    assert not server.requests


def test_missing_file_names_place_and_url_but_no_secret(server: Server, tmp_path: Path) -> None:
    url = server.url("/gone?token=secret").replace("//", "//user:secret@")
    with pytest.raises(DataError, match=r"m\.csv line 3: http://127.*/gone: .* 404") as caught:
        run(url, tmp_path, place="m.csv line 3")
    assert "secret" not in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_failing_server_is_asked_five_times(server: Server, tmp_path: Path, status: int) -> None:
    with pytest.raises(TemporaryError, match=f"/a: the server answers {status}.*retry later"):
        run(server.add("/a", status), tmp_path)
    assert len(server.requests) == 5
    assert not (tmp_path / "file").exists()


def test_server_that_recovers(server: Server, tmp_path: Path) -> None:
    statuses = iter([503, 500])
    url = server.add(
        "/a",
        lambda handler: (
            handler.send(status, b"", Retry_After="1")
            if (status := next(statuses, None))
            else handler.send(200, BODY)
        ),
    )
    assert run(url, tmp_path) == BODY


def test_wrong_hash(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"its sha256 is {SHA256}, not {'0' * 64}"):
        run(server.add("/a", BODY), tmp_path, sha256="0" * 64)
    assert not list(tmp_path.glob("file*.part"))
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("told", [True, False])
def test_too_large(server: Server, tmp_path: Path, *, told: bool) -> None:
    def endless(handler: Handler) -> None:
        handler.start(200, Connection="close")
        while True:
            handler.wfile.write(BODY)

    url = server.add("/a", BODY if told else endless)
    with pytest.raises(DataError, match="larger than 1,000 bytes"):
        run(url, tmp_path, most_bytes=1000)
    assert not (tmp_path / "file.part").exists()


def test_too_large_in_all(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="larger than is permitted in all"):
        run(server.add("/a", BODY), tmp_path, budget=Budget(1000))


def test_silent_server_is_temporary(server: Server, tmp_path: Path) -> None:
    def silent(handler: Handler) -> None:
        handler.connection.settimeout(5)
        handler.connection.recv(1)
        handler.close_connection = True

    with pytest.raises(TemporaryError, match="retry later"):
        run(server.add("/a", silent), tmp_path, pace=Pace(read_seconds=0.02))


def test_nobody_listens(server: Server, tmp_path: Path) -> None:
    url = server.url("/a").replace(str(server.port), "9")
    with pytest.raises(TemporaryError, match="retry later"):
        run(url, tmp_path)


def test_server_that_speaks_no_http(server: Server, tmp_path: Path) -> None:
    def noise(handler: Handler) -> None:
        handler.wfile.write(b"\x00\x01 noise\r\n\r\n")
        handler.close_connection = True

    with pytest.raises(TemporaryError, match="cut off"):
        run(server.add("/a", noise), tmp_path)


def test_full_disk(server: Server, tmp_path: Path) -> None:
    with small_volume(tmp_path / "volume") as volume:
        with pytest.raises(TemporaryError, match="full disk"):
            run(server.add("/a", BODY * 10), volume)
        assert not (volume / "file").exists()


def test_read_only_disk(server: Server, tmp_path: Path) -> None:
    with small_volume(tmp_path / "volume") as volume:
        make_read_only(volume)
        with pytest.raises(TemporaryError, match="Read-only"):
            run(server.add("/a", BODY), volume)


def run(  # noqa: PLR0913 - what a test may want to change
    url: str,
    folder: Path,
    *,
    sha256: str | None = None,
    place: str = "",
    most_bytes: int = 10**9,
    budget: Budget | None = None,
    pace: Pace | None = None,
) -> bytes:
    download = Download(url, folder / "file", most_bytes, sha256, place)
    with open_client("any", pace) as client:
        fetch(client, download, budget or Budget(10**9))
    return download.path.read_bytes()
