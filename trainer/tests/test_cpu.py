from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from trainer import commands, cpu

if TYPE_CHECKING:
    from pathlib import Path

COUNT_THREADS = """
import json, os
from pathlib import Path
import trainer.cpu
trainer.cpu.available_cores = lambda: 3
from trainer import commands
commands.start_pipeline()
import numpy as np
import tensorflow as tf
from trainer.batches import Examples, feed
tf.random.normal((8, 8))
examples = Examples(np.zeros((8, 8, 8, 3), np.uint8), np.zeros(8, np.int32))
batches = feed(examples, np.arange(8), 4)
names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
print(json.dumps({
    "intra": os.environ["TF_NUM_INTRAOP_THREADS"],
    "inter": os.environ["TF_NUM_INTEROP_THREADS"],
    "compute": names.count("tf_Compute"),
    "input": batches.options().threading.private_threadpool_size,
}))
"""


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: range(8), raising=False)


def write(root: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 8),
        ({"sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        ({"sys/fs/cgroup/cpu.max": "200000 100000\n"}, 2),
        ({"sys/fs/cgroup/cpu.max": "150000 100000\n"}, 2),
        ({"sys/fs/cgroup/cpu.max": "25000 100000\n"}, 1),
        ({"sys/fs/cgroup/cpu.max": "9000000 100000\n"}, 8),
        ({"sys/fs/cgroup/cpu.max": "nonsense"}, 8),
        (
            {
                "proc/self/cgroup": "0::/pod/box\n",
                "sys/fs/cgroup/pod/cpu.max": "300000 100000",
                "sys/fs/cgroup/pod/box/cpu.max": "max 100000",
            },
            3,
        ),
        (
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        (
            {
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            8,
        ),
        (
            {
                "proc/self/cgroup": "3:cpuset:/\n2:cpu,cpuacct:/box\n",
                "sys/fs/cgroup/cpu/box/cpu.cfs_quota_us": "100000\n",
                "sys/fs/cgroup/cpu/box/cpu.cfs_period_us": "100000\n",
            },
            1,
        ),
    ],
)
def test_quota_and_affinity(tmp_path: Path, files: dict[str, str], cores: int) -> None:
    write(tmp_path, files)
    assert cpu.available_cores(tmp_path) == cores


def test_tensorflow_and_its_input_follow_the_quota() -> None:
    """In a process of its own, since TensorFlow counts its threads once."""
    environment = {
        name: value for name, value in os.environ.items() if name not in commands.THREADS
    }
    told = subprocess.run(
        [sys.executable, "-c", COUNT_THREADS],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(told.stdout) == {"intra": "3", "inter": "3", "compute": 3, "input": 3}
