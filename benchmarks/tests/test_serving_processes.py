from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from serving_contenders import RAW, Answer, Contender
from serving_processes import (
    alive,
    ask,
    first_answer,
    on_cores,
    parse_pss,
    processor_seconds,
    proportional_megabytes,
    running,
    tree,
)

if TYPE_CHECKING:
    from pathlib import Path

# A server with a child that does not end when it is asked to.
SERVER = """
import os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"label": "%s", "probability": 1}' % os.environ["MODEL"].encode())

if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pause()
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
STUBBORN = Contender(
    "stubborn",
    "Stubborn",
    (sys.executable, "-c", SERVER.replace("{", "{{").replace("}", "}}"), "{port}"),
    {"MODEL": "{repository} {name} {folder}"},
    RAW,
)


def test_a_server_is_asked_measured_and_ended_with_all_its_processes(tmp_path: Path) -> None:
    version = tmp_path / "model/small/1"
    core = min(os.sched_getaffinity(0))
    with running(STUBBORN, version, tmp_path, {core}) as server:
        assert first_answer(server, b"photo") > 0
        assert ask(server, b"photo") == Answer(f"{tmp_path}/model small {version}", 1)
        pids = tree(server.process.pid)
        assert [os.sched_getaffinity(pid) for pid in pids] == [{core}] * 2
        assert proportional_megabytes(server.process.pid) > 3
        assert processor_seconds(server.process.pid) > 0
    assert not [pid for pid in pids if alive(pid)]


def test_why_a_server_does_not_start_is_told(tmp_path: Path) -> None:
    broken = Contender("broken", "Broken", (sys.executable, "-c", "1/0"), {}, RAW)
    with (
        running(broken, tmp_path / "a/1", tmp_path, os.sched_getaffinity(0)) as server,
        pytest.raises(SystemExit, match=r"(?s)ZeroDivisionError.*Broken does not answer"),
    ):
        first_answer(server, b"photo")


def test_this_process_gets_its_cores_back() -> None:
    before = os.sched_getaffinity(0)
    with on_cores({min(before)}):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_only_the_proportional_share_counts() -> None:
    assert parse_pss("Rss:  900 kB\nPss:  123 kB\nPss_Dirty: 45 kB\nSwapPss: 9 kB\n") == 123
