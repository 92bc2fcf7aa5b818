from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

#: In a thread, as images are decoded: 8 MB twice, freed with a small block left behind them.
PROGRAM = """
import ctypes, threading
from pathlib import Path
from inference import memory
memory.settle_what_is_kept() if {fixed} else None
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
def work():
    size = 8 * 2**20
    libc.free(libc.malloc(size + 2**20))  # after which glibc would keep a block of this size
    before = resident()
    block = libc.malloc(size)
    ctypes.memset(block, 1, size)
    libc.malloc(64)
    libc.free(block)
    print(resident() - before)
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


GLIBC = Path("/proc/self/statm").exists() and hasattr(ctypes.CDLL(None), "mallopt")


@pytest.mark.skipif(not GLIBC, reason="is about glibc, and reads Linux's /proc")
def test_a_large_block_is_given_back_when_it_is_freed() -> None:
    assert kept(fixed=True) < 2**20


def kept(*, fixed: bool) -> int:
    """Bytes that a process of its own has after a large block more than before."""
    program = (sys.executable, "-c", PROGRAM.format(fixed=fixed))
    return int(subprocess.run(program, check=True, capture_output=True).stdout)
