from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


def check(port: str) -> tuple[int, str]:
    """The health check's exit code, and what it says."""
    done = subprocess.run(
        [sys.executable, "-m", "inference.health"],
        env=os.environ | {"PORT": port},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that gives its one client the answer; its port."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        server = threading.Thread(target=serve)
        server.start()
        yield str(listener.getsockname()[1])
        server.join()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (204, 1), (503, 1)])
def test_only_a_200_is_healthy(status: int, code: int) -> None:
    with answering(b"HTTP/1.1 %d Status\r\nContent-Length: 0\r\n\r\n" % status) as port:
        assert check(port) == (code, f"/ping: {status}\n")


@pytest.mark.parametrize("answer", [b"SSH-2.0-x\r\n", b"HTTP/1.1 200 " + bytes(70_000)])
def test_what_is_no_http_is_told_in_one_line(answer: bytes) -> None:
    with answering(answer) as port:
        assert check(port) == (1, f"/ping: no HTTP server on port {port}\n")


def test_an_end_without_an_answer_is_told_in_one_line() -> None:
    with answering(b"") as port:
        code, said = check(port)
    assert code == 1
    assert said.startswith("/ping: ")
    assert said.count("\n") == 1


def test_a_port_that_is_closed_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    code, said = check(port)
    assert code == 1
    assert re.fullmatch(r"/ping: .*Connection refused\n", said)


@pytest.mark.parametrize("port", ["http", "99999"])
def test_what_is_no_port_is_told_in_one_line(port: str) -> None:
    code, said = check(port)
    assert code == 1
    assert said.startswith("/ping: ")
    assert said.count("\n") == 1
