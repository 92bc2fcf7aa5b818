"""The autoscaler, under the load of `./noxw -s load -- --hpa` and after it."""

from __future__ import annotations

import re
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from engine import start
from project import ROOT
from scaling import BACKEND, hasty, wait_for_replicas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cluster import Cluster
    from kubectl import Kubectl

    Report = Callable[[str, str, str], None]

PROGRAM = str(ROOT / ".nox/env_load/bin/loadtests")
PHASES, SHORT = "60,180,300", "15,105,120"  # quiet, burst, quiet, in seconds
PNG = b"\x89PNG"
# How long an answer takes is the machine's matter; what fails, and how many pods there are, is not.
THRESHOLDS = """
[hpa]
failed_share = 0.0
p95_ms = 30000
p99_ms = 30000
rate_share = 0.5
most_replicas = 3
last_replicas = 1
"""


@pytest.fixture
def phases(deployed: Kubectl, *, full: bool) -> Iterator[str]:
    """How long each phase is, for an autoscaler that knows what its one pod uses."""
    wait_for_replicas(deployed, 1)
    deployed.wait("condition=ScalingActive", f"hpa/{BACKEND}", seconds=120)
    with nullcontext() if full else hasty(deployed):
        yield PHASES if full else SHORT


def test_up_and_down_again(
    cluster: Cluster, page_url: str, phases: str, report: Report, tmp_path: Path
) -> None:
    (tmp_path / "thresholds.toml").write_text(THRESHOLDS)
    done = start(
        *(PROGRAM, "--hpa", f"--host={page_url}", f"--context=kind-{cluster.name}"),
        *(f"--phases={phases}", f"--report={tmp_path}/report.html"),
        f"--thresholds={tmp_path}/thresholds.toml",
        environment={"KUBECONFIG": str(cluster.kubeconfig)},
    )
    measured = "; ".join(re.findall(r".* requests in .*|first new replica .*", done.stdout))
    table = re.findall(r"^(.*?)  +(\S.*?)  +at (?:least|most)", done.stdout, re.MULTILINE)
    measured += "".join(f"; {name}: {reached}" for name, reached in table if "rate" not in name)
    report("autoscaler", measured, "from 1 to ≥ 3 and back, 0 failed")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "report.png").read_bytes().startswith(PNG)
