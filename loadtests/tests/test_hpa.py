"""Real runs of the drill; kubectl alone is a stand-in."""

from __future__ import annotations

import base64
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from conftest import SECONDS, FakePage, run_loadtests
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Kubectl


def test_the_drill_passes_when_replicas_rise_and_fall(
    model_server: str, tmp_path: Path, lenient: str, kubectl: Kubectl
) -> None:
    kubectl.answers((1, 1), (1, 1), (3, 1), (3, 3), (1, 3), (1, 1))  # before, at 0 s, 2 s, 4 s …
    ran = run_loadtests(
        *("--hpa", f"--host={model_server}", f"--report={tmp_path}/r.html", lenient),
        *("--rate=4", "--burst=5", "--phases=1,5,4"),
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    sent = re.search(r"^(\d+) requests in ", ran.stdout, re.MULTILINE)
    assert sent
    assert 100 <= int(sent[1]) <= 130  # 120 are due; it may start late, and end late
    assert re.search(r"replicas ready during the burst, most +3 +at least 3 +pass\n", ran.stdout)
    assert re.search(r"replicas ready at the end +1 +at most 1 +pass\n", ran.stdout)
    assert re.search(r"first new replica ready \d s after .*; back \d s after", ran.stdout)
    assert re.search(r" 5 s .* ms  replicas [13] ready, 3 desired\n", ran.stderr)
    told = f"report: {tmp_path}/r.html\npicture: {tmp_path}/r.png\nnext: kubectl --context kind-ml"
    assert told in ran.stdout
    picture = (tmp_path / "r.png").read_bytes()
    assert base64.b64encode(picture).decode() in (tmp_path / "r.html").read_text()
    with Image.open(tmp_path / "r.png") as image:
        assert image.size == (1200, 750)


def test_the_drill_fails_when_nobody_sees_replicas(
    tmp_path: Path, lenient: str, kubectl: Kubectl
) -> None:
    kubectl.answers((1, 1), None)
    with FakePage().serve() as host:
        ran = run_loadtests(
            *("--hpa", f"--host={host}", f"--report={tmp_path}/r.html", lenient),
            *("--phases=0.2,0.6,0.2", "--context=kind-other"),
        )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "1 x replicas not seen: --context kind-other: The connection to" in ran.stdout
    assert re.search(r"during the burst, most +0 +at least 3 +FAIL\n", ran.stdout)
    assert re.search(r"ready at the end +unknown +at most 1 +FAIL\n", ran.stdout)


@pytest.mark.parametrize(("answer", "code"), [(None, 75), ((3, 3), 75)])
def test_nothing_is_sent_without_an_hpa_at_rest(
    tmp_path: Path, kubectl: Kubectl, answer: tuple[int, int] | None, code: int
) -> None:
    kubectl.answers(answer)
    page = FakePage()
    with page.serve() as host:
        ran = run_loadtests("--hpa", f"--host={host}", f"--report={tmp_path}/r.html")
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (code, "", 1)
    assert page.seen == []


@pytest.mark.parametrize("ended_by", [signal.SIGINT, signal.SIGKILL])
def test_the_recording_ends_with_the_drill(
    tmp_path: Path, lenient: str, kubectl: Kubectl, ended_by: signal.Signals
) -> None:
    kubectl.answers((1, 1))
    with FakePage().serve() as host:
        options = ("--hpa", f"--host={host}", f"--report={tmp_path}/r.html", lenient)
        command = [sys.executable, "-m", "loadtests", *options]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                wait_until(lambda: len(kubectl.calls) > 1)
                process.send_signal(ended_by)
                err = process.communicate(timeout=SECONDS)[1]
            finally:
                process.kill()
    recorder = kubectl.calls[-1][0]
    assert recorder != process.pid
    wait_until(lambda: not is_running(recorder))
    assert "Traceback" not in err
    if ended_by == signal.SIGINT:
        assert process.returncode == 130
        assert err.endswith("loadtests: stopped; nothing was judged\n")


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)
