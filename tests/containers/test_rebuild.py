"""A change of one line builds what is behind it anew, and not the dependencies."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from engine import start
from project import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECONDS = 15.0
SOURCES = {
    "trainer": ("src/trainer/settings.py", "#"),
    "inference": ("src/inference/settings.py", "#"),
    "frontend": ("src/main.tsx", "//"),
}
ELSEWHERE = shutil.ignore_patterns("node_modules", "dist", "__pycache__", ".*_cache", ".hypothesis")


@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("service", SOURCES)
def test_a_change_of_one_line_is_built_soon(
    service: str, tmp_path: Path, report: Callable[[str, str, str], None]
) -> None:
    copy = tmp_path / service
    shutil.copytree(ROOT / service, copy, ignore=ELSEWHERE)
    name, comment = SOURCES[service]
    with (copy / name).open("a", encoding="utf-8") as source:
        source.write(f"{comment} {uuid.uuid4()}\n")
    tag = f"ml-pipeline-rebuilt-{service}:{uuid.uuid4().hex[:8]}"
    try:
        began = time.monotonic()
        built = start("docker", "build", "--progress=plain", f"--tag={tag}", str(copy))
        seconds = time.monotonic() - began
        assert built.returncode == 0, built.stderr
    finally:
        start("docker", "image", "rm", "--force", tag)
    report(f"{service} built after a change of one line", f"{seconds:.1f} s", f"<= {SECONDS} s")
    steps = read_steps(built.stderr)
    kept = {step for step, cached in steps.items() if cached}
    dependencies = {step for step in steps if step.startswith("[dependencies ")}
    assert dependencies
    assert dependencies <= kept, sorted(dependencies - kept)
    assert kept < steps.keys()
    assert seconds <= SECONDS


def test_steps_are_read() -> None:
    log = "#4 [a 1/2] FROM x@y\n#5 [a 2/2] RUN b\n#5 CACHED\n#6 [c 1/1] RUN d\n#6 DONE 1.0s\n"
    assert read_steps(log) == {"[a 2/2] RUN b": True, "[c 1/1] RUN d": False}


def read_steps(log: str) -> dict[str, bool]:
    """The steps of a build's plain log, the bases left out, and whether each was cached."""
    named = re.findall(r"^#(\d+) (\[[a-z0-9-]+ \d+/\d+\] (?!FROM ).+)$", log, re.MULTILINE)
    cached = set(re.findall(r"^#(\d+) CACHED$", log, re.MULTILINE))
    return {step: number in cached for number, step in named}
