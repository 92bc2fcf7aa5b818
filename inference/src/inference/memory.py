"""Gives memory that the process no longer needs back to the system."""

from __future__ import annotations

import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of malloc.h
_LARGE = 4 * 1024 * 1024  # more than the pixels of a photo that is decoded at a reduced scale
_SPARE = 16 * 1024 * 1024


def release_free_memory() -> None:
    """Have the C library return the pages that it keeps for later, where it can.

    Loading a model frees about as much as it keeps: seen, 27 MB of 96 after a graph with 2.8
    million weights. glibc holds on to it until `malloc_trim`, which others do not have.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def settle_what_is_kept() -> None:
    """Have glibc return large blocks at once, and keep smaller ones for the next image.

    By itself it raises the size of what it keeps up to 32 MB with what is freed, in the memory of
    each thread: seen, 24 MB more after 48,000 damaged images, a few of which announce millions of
    pixels; with a fixed size 1 MB (mallopt(3)). But then it would return all above 128 kB of what
    lies free at the end: seen, 500 page faults for each photo, 5 % of its time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _LARGE)
        mallopt(_TRIM_THRESHOLD, _SPARE)


def exempt_what_stays() -> None:
    """Have the garbage collector look no more at what was made for the start, which never goes.

    Seen: 5 % of the time around a model. <https://docs.python.org/3/library/gc.html#gc.freeze>
    """
    gc.freeze()
