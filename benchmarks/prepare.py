"""How near `prepare` comes to decoding on all cores and nothing else."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from figures import Figure, spread, write_figures
from trainer.preparation import prepare
from trainer.recipes import decode
from trainer.remote import Access
from trainer.settings import Settings
from trainer.sources import open_source

SIZE, PASSES, TARGET = 128, 5, 0.8


def main(data: str) -> None:
    """Measures bare loop and prepare in turn, each pass from nothing."""
    with tempfile.TemporaryDirectory() as folder:
        photos = read_photos(data, Path(folder))
    cores = len(os.sched_getaffinity(0))
    bare, prepared, ratios = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        # All are kept until the end, since ext4 is slow to make files just after it deleted some.
        for number in range(PASSES):
            bare.append(time_bare_loop(photos))
            prepared.append(time_prepare(data, Path(folder) / str(number)))
            ratios.append(bare[-1] / cores / prepared[-1])
    ratio = statistics.median(ratios)
    write_figures(
        [
            Figure(
                f"prepare of {len(photos)} photos at {SIZE} px, against {cores} times one core's "
                "bare decode and resize",
                spread(ratios, "x"),
                f"at least {TARGET} x",
                ratio >= TARGET,
                f"bare loop {spread(bare, 's')} on one core, prepare {spread(prepared, 's')}",
            )
        ]
    )


def read_photos(data: str, folder: Path) -> list[bytes]:
    """The encoded images, in memory."""
    return [item.load() for item in open_source(data, Access(folder)).items]


def time_bare_loop(photos: list[bytes]) -> float:
    """Seconds that one core takes to decode and resize, with everything in memory."""
    started = time.perf_counter()
    for photo in photos:
        decode(photo, SIZE, SIZE, max_pixels=50_000_000)
    return time.perf_counter() - started


def time_prepare(data: str, folder: Path) -> float:
    """Seconds that prepare takes, writing to a new folder."""
    settings = Settings(data_dir=folder / "data", images_dir=folder / "imgs")
    started = time.perf_counter()
    prepare(data, settings, size=SIZE)
    return time.perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1])
