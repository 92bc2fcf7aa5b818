"""SECURITY.md names tests; each is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text()
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ")]
NAMED = re.compile(r"`([a-z_/]+\.py)(?:::(\w+))?`")


@pytest.mark.parametrize(("path", "function"), sorted(set(NAMED.findall(PAGE))))
def test_a_test_that_is_named_is_there(path: str, function: str) -> None:
    text = (ROOT / path).read_text()
    assert re.search(rf"^(async )?def {function or 'test_|def main'}", text, re.MULTILINE)


def test_every_threat_has_its_test() -> None:
    rows = [row for row in ROWS if not row.startswith("| threat ")]
    assert len(rows) > 20
    assert [row for row in rows if not NAMED.search(row.split(" | ")[2])] == []
