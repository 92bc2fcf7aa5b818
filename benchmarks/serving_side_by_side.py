"""Measures this model server beside others, and writes a section of docs/benchmarks.md."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from serving_contenders import CONTENDERS, OURS, ROOT
from serving_passes import Bench, run_pass, tell
from serving_picture import PICTURE, draw
from serving_report import PAGE, full_section, replace_section
from serving_results import Results, Run
from serving_verdicts import verdicts

if TYPE_CHECKING:
    from serving_contenders import Contender

PASSES, SECONDS = 5, 2.5
QUICK_PASSES, QUICK_SECONDS = 1, 1.0


def main() -> int:
    """Measures, tells, and writes the page after a full run; 1 when a figure is not reached."""
    arguments = build_parser().parse_args()
    if arguments.check:
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        temporary = Path(name)
        made = arguments.folder or temporary / "made"
        make(arguments.data, made)
        bench = Bench(
            made=made,
            temporary=temporary,
            photos=read_photos(made / "photos"),
            contenders=choose(arguments.only),
            cores=two_cores(),
            seconds=QUICK_SECONDS if arguments.quick else arguments.seconds,
        )
        results = Results()
        passes = QUICK_PASSES if arguments.quick else arguments.passes
        for number in range(1, passes + 1):
            tell(f"pass {number} of {passes}, after {(time.monotonic() - began) / 60:.1f} minutes")
            run_pass(bench, results)
    run = Run(results, bench.contenders, passes, bench.seconds, Path(arguments.data).name)
    publish(run)
    tell(f"took {(time.monotonic() - began) / 60:.1f} minutes")
    return 0 if all(figure.reached for figure in verdicts(run)) else 1


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="./noxw -s bench_serving --",
        description="Measures this model server and others side by side, the server on one core "
        "and the load on another. All of it takes about 20 minutes, and goes to "
        f"docs/{PAGE.name}; what is shortened is only printed.",
        epilog="example:\n  ./noxw -s bench_serving -- --data ~/flowers.tar --quick --only "
        "litserve",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [contender.name for contender in CONTENDERS[1:]]
    parser.add_argument("--data", default="flowers", help="photos, as `trainer prepare` takes them")
    parser.add_argument("--only", nargs="*", choices=names, help="beside some others, or none")
    parser.add_argument("--passes", type=_positive, default=PASSES, help="each starts all anew")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each load")
    parser.add_argument("--quick", action="store_true", help="a few minutes, rough figures")
    parser.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help="where models and photos are kept, or taken")
    return parser


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number


def choose(only: list[str] | None) -> tuple[Contender, ...]:
    """This server, and all others or those named."""
    return tuple(each for each in CONTENDERS if each is OURS or only is None or each.name in only)


def two_cores() -> tuple[int, int]:
    """The server's and the load's.

    Raises:
        SystemExit: there is but one.
    """
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:  # noqa: PLR2004 - two
        raise SystemExit("two cores are needed: the server's and the load's")
    return cores[0], cores[-1]  # hyper-threads of one core often are neighbours


def make(data: str, folder: Path) -> None:
    """Trains the models and scales the photos, unless they are there."""
    if (folder / "photos").exists():
        return
    tell("training two models, one epoch each")
    script = ROOT / "benchmarks/serving_models.py"
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2", "LOG_LEVEL": "warning"}
    command = [sys.executable, str(script), data, str(folder)]
    done = subprocess.run(command, env=environment, stdout=sys.stderr, check=False)
    if done.returncode != 0:  # why is above
        sys.exit(done.returncode)


def read_photos(folder: Path) -> dict[str, list[bytes]]:
    """Encoded, by the folder that they are in."""
    return {
        kind.name: [path.read_bytes() for path in sorted(kind.iterdir())]
        for kind in folder.iterdir()
    }


def publish(run: Run) -> None:
    """Prints the section; after a full run the page and its picture get it, too."""
    text = full_section(run)
    sys.stdout.write(text)
    if run.contenders == CONTENDERS and run.passes >= PASSES and run.seconds >= SECONDS:
        PICTURE.write_text(draw(run), encoding="utf-8")
        PAGE.write_text(replace_section(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
