"""Gives memory that the process no longer needs back to the system."""

from __future__ import annotations

import ctypes

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of glibc's malloc.h
_LARGE = 4 * 1024 * 1024  # more than the pixels of a photo that is decoded at a reduced scale


def release_free_memory() -> None:
    """Have the C library return the pages that it keeps for later, where it can.

    Loading a model frees about as much as it keeps: seen, 27 MB of 96 after a graph with 2.8
    million weights. glibc holds on to it until `malloc_trim`, which others do not have.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def return_large_blocks_at_once() -> None:
    """Have glibc give every large block its own mapping, which ends with the block.

    By itself it raises the threshold up to 32 MB with what is freed, and keeps such blocks for
    later, in the memory of each thread: seen, 24 MB more after 48,000 damaged images, a few of
    which announce millions of pixels; with a fixed threshold 1 MB (mallopt(3)).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)
