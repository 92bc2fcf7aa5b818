from __future__ import annotations

import hashlib
import itertools
import logging
import threading
from typing import TYPE_CHECKING

import pytest

from inference.errors import TimedOutError
from inference.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Shelf, Start


def test_a_listed_file_is_sent_to_be_kept(shelf: Shelf, start: Start) -> None:
    content = (shelf.publish(1) / "sample-red.png").read_bytes()
    answer = start().client.get("/models/1/files/sample-red.png")
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("model-card.md", "text/markdown; charset=utf-8"),
        ("model.onnx", "application/octet-stream"),
        ("page.html", "application/octet-stream"),
        ("noextension", "application/octet-stream"),
        ("REPORT.JSON", "application/json"),
    ],
)
def test_the_name_gives_the_type(name: str, kind: str, shelf: Shelf, start: Start) -> None:
    shelf.publish(1, files={"page.html": b"<script>", "noextension": b"x", "REPORT.JSON": b"{}"})
    assert start().client.get(f"/models/1/files/{name}").headers["content-type"] == kind


@pytest.mark.parametrize("size", [0, 256 * 1024, 1_000_000])
def test_files_of_any_size_are_whole(size: int, shelf: Shelf, start: Start) -> None:
    content = bytes(range(256)) * (size // 256 + 1)
    shelf.publish(1, files={"large.bin": content[:size]})
    assert start().client.get("/models/1/files/large.bin").content == content[:size]


@pytest.mark.parametrize(
    "path",
    [
        "1/files/manifest.json",
        "1/files/unlisted.txt",
        "1/files/..%2f1%2fmodel.onnx",
        "1/files/%2e%2e",
        "1/files/sample-red.png%00",
        "2/files/model.onnx",
        "01/files/model.onnx",
        "x/files/model.onnx",
    ],
)
def test_nothing_else_is_sent(path: str, shelf: Shelf, start: Start) -> None:
    (shelf.publish(1) / "unlisted.txt").write_text("secret")
    answer = start().client.get(f"/models/{path}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_a_file_that_is_no_longer_as_listed_is_not_sent(shelf: Shelf, start: Start) -> None:
    folder = shelf.publish(1)
    client = start().client
    (folder / "model-card.md").write_text("longer than it was when it was published")
    (folder / "sample-red.png").unlink()
    (folder / "sample-red.png").symlink_to("/etc/hostname")
    for name in ("model-card.md", "sample-red.png"):
        assert client.get(f"/models/1/files/{name}").status_code == 404


def test_who_has_the_file_is_not_sent_it_again(shelf: Shelf, start: Start) -> None:
    shelf.publish(1)
    client = start().client
    etag = client.get("/models/1/files/model-card.md").headers["etag"]
    again = client.get("/models/1/files/model-card.md", headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == etag
    assert "content-length" not in again.headers


def test_head_tells_the_size(shelf: Shelf, start: Start) -> None:
    shelf.publish(1)
    answer = start().client.head("/models/1/files/sample-red.png")
    assert (answer.status_code, answer.headers["content-length"]) == (200, "73")


def test_a_volume_that_hangs_or_fails_gives_503(
    shelf: Shelf, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.publish(1)
    running, volume = start(), threading.Event()
    running.service.reader._seconds = 0.05  # noqa: SLF001 - ten seconds are too long for a test

    def fail(*_arguments: object) -> None:
        volume.wait(30)
        raise OSError("stale file handle")

    monkeypatch.setattr(Repository, "open", fail)
    hung = running.client.get("/models/1/files/model-card.md")
    volume.set()
    running.service.reader._seconds = 30  # noqa: SLF001 - a slow machine must not fail what follows
    failed = running.client.get("/models/1/files/model-card.md")
    for answer in (hung, failed):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "timeout")
        assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize("fault", ["it fails", "it hangs", "the file is shorter"])
def test_a_fault_after_the_first_block_breaks_the_answer_off(
    fault: str, shelf: Shelf, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.publish(1, files={"large.bin": bytes(1_000_000)})
    running = start()
    run, reads = running.service.reader.run, itertools.count()

    async def failing(read: Callable[[], object]) -> object:
        if next(reads) == 0:
            return await run(read)
        if fault == "it fails":
            raise OSError("stale file handle")
        if fault == "it hangs":
            raise TimedOutError("no answer")
        return b""

    running.service.reader.run = failing  # type: ignore[method-assign,assignment]
    answer = running.client.get("/models/1/files/large.bin")
    assert len(answer.content) == 256 * 1024
    (told,) = [each for each in caplog.records if each.name == "inference.requests"]
    assert (told.levelno, told.exc_info) == (logging.ERROR, None)
    assert told.__dict__["fields"]["error"]
