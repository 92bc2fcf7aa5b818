"""The trainer and inference share no package, and read a CPU quota alike."""

from __future__ import annotations

from sources import read

FIRST = "def _affinity("  # what is above differs: how a fraction of a core is rounded


def test_both_read_a_quota_alike() -> None:
    trainer, inference = (
        read(f"{service}/src/{service}/cpu.py").partition(FIRST)
        for service in ("trainer", "inference")
    )
    assert trainer[1:] == inference[1:]
    assert "def _quota_v2(" in trainer[2]
