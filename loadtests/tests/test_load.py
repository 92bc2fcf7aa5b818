"""Real runs, against the real model server and against a page that misbehaves."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest
from conftest import SECONDS, FakePage, free_port, run_loadtests

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Kubectl


@pytest.mark.parametrize("options", [("--users=2",), ("--model=open", "--rate=10")])
def test_the_model_server_passes(
    model_server: str, tmp_path: Path, lenient: str, options: tuple[str, ...]
) -> None:
    report = tmp_path / "new" / "report.html"
    ran = run_loadtests(
        f"--host={model_server}", "--duration=2", f"--report={report}", lenient, *options
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    page = report.read_text()
    figure = re.search(r"95 % of predictions within +(\d+ ms)", ran.stdout)
    assert figure
    assert f"<td>{figure[1]}</td>" in page
    assert "predict small" in page
    assert ran.stdout.count("  pass\n") == 4
    assert f"report: {report}\nnext: " in ran.stdout


def test_a_busy_server_fails(tmp_path: Path, lenient: str) -> None:
    page = FakePage(503, '{"error": {"code": "busy"}}', {"Retry-After": "1"})
    with page.serve() as host:
        ran = run_loadtests(
            f"--host={host}", "--duration=1", f"--report={tmp_path}/r.html", lenient, "--users=1"
        )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert " x 503 busy with Retry-After\n" in ran.stdout
    assert "never" in ran.stdout
    assert "503 busy with Retry-After" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(  # 40 requests in 2 seconds
    "options",
    [
        ("--model=open", "--rate=20", "--duration=2"),
        ("--hpa", "--rate=10", "--burst=3", "--phases=0.5,1,0.5"),
    ],
)
def test_the_open_model_keeps_its_rate_while_nothing_is_answered(
    tmp_path: Path, lenient: str, kubectl: Kubectl, options: tuple[str, ...]
) -> None:
    kubectl.answers((1, 1))
    page = FakePage()
    page.release.clear()
    with page.serve() as host:
        ran: list[str] = []
        given = (f"--host={host}", f"--report={tmp_path}/r.html", lenient, *options)
        load = threading.Thread(target=lambda: ran.append(run_loadtests(*given).stdout))
        load.start()
        end = time.monotonic() + SECONDS
        while len(page.seen) < 31 and time.monotonic() < end:
            time.sleep(0.05)
        page.release.set()
        load.join(SECONDS)
    sent = len(page.seen) - page.seen.count("/api/ready")
    assert 30 <= sent <= 50  # 40 were due; it may start late, and end late
    waited = re.search(r"99 % of predictions within +(\d+) ms", ran[0])
    assert waited
    assert int(waited[1]) > 1000  # the first was due when nobody answered yet


def test_a_user_connects_anew_now_and_then(tmp_path: Path, lenient: str) -> None:
    page = FakePage()
    with page.serve() as host:
        run_loadtests(
            f"--host={host}", "--users=1", "--duration=4", f"--report={tmp_path}/r.html", lenient
        )
    users = len(page.connections) - 1  # one asked whether it is ready
    assert 2 <= users <= 3, page.connections


def test_nobody_answers() -> None:
    ran = run_loadtests(f"--host=http://127.0.0.1:{free_port()}", "--patience=0.1")
    assert ran.returncode == 75
    assert re.fullmatch(
        r"loadtests: http://127\.0\.0\.1:\d+ does not answer: start it with .*\n", ran.stderr
    )
