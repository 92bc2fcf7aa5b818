"""How many cores this process may keep busy, and how its threads share them."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path


def available_cores(root: Path = Path("/")) -> int:
    """Cores by affinity and by the cgroup's CPU quota, at least 1.

    A quota of a core and a half counts as one: threads beyond the quota are throttled, and a
    throttled thread holds up those that wait for it.

    Args:
        root: folder that holds `sys` and `proc`.
    """
    quota = _quota_v2(root) or _quota_v1(root)
    return max(1, min(_affinity(), int(quota) if quota else _affinity()))


def run_as_batch() -> None:
    """Have no thread that wakes interrupt another (Linux); to be called before there are others.

    The event loop then takes the requests that came during some milliseconds of decoding one after
    the other, in warm caches. Seen on one core with 8 clients: one switch for eight requests. The
    price: where others keep all cores busy, who wakes waits for the end of their slice. The policy
    is sched(7)'s SCHED_BATCH, which anybody may choose.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError):  # a sandbox may not let it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quota_v2(root: Path) -> float | None:
    """Cores by `cpu.max`: <https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files>.

    The lowest of the process's own group and the groups above it holds.
    """
    mount = root / "sys/fs/cgroup"
    limits = [_read(mount / group / "cpu.max").partition(" ") for group in _groups(root, "")]
    quotas = [_cores(quota, period) for quota, _, period in limits]
    return min((quota for quota in quotas if quota), default=None)


def _quota_v1(root: Path) -> float | None:
    """Cores by <https://docs.kernel.org/scheduler/sched-bwc.html>."""
    mount = root / "sys/fs/cgroup/cpu"
    quotas = [
        _cores(
            _read(mount / group / "cpu.cfs_quota_us"), _read(mount / group / "cpu.cfs_period_us")
        )
        for group in _groups(root, "cpu")
    ]
    return min((quota for quota in quotas if quota), default=None)


def _groups(root: Path, controller: str) -> list[Path]:
    """The process's group and those above it, relative to the controller's mount."""
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, path = [*line.split(":", 2), "", ""][:3]
        if controller in controllers.split(","):
            group = Path(path.lstrip("/"))
            return [group, *group.parents]
    return [Path()]


def _cores(quota: str, period: str) -> float | None:
    try:
        cores = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max", or a file that is not there
        return None
    return cores if cores > 0 else None  # version 1 writes -1 for no limit


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
