"""Measures this model server beside others, and writes a section of docs/benchmarks.md.

One core is the server's, another the load's. Every pass starts each server anew, one after the
other, so that ratios are of the same minutes on the same machine.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from serving_load import run_load
from serving_report import PAGE, Run, full_section, replace_section, verdicts
from serving_results import EIGHT, GROWTH, MANY, MULTIPART, TINY, WORKLOADS, Results, S
from serving_servers import (
    CONTENDERS,
    FILE,
    OURS,
    ROOT,
    agree,
    ask,
    first_answer,
    on_cores,
    processor_seconds,
    proportional_megabytes,
    request,
    running,
)

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from serving_results import Case, Workload
    from serving_servers import Answer, Contender, Server

INFERENCE_PYTHON = ROOT / ".nox/env_inference/bin/python"
PASSES, SECONDS = 5, 3.0
QUICK_PASSES, QUICK_SECONDS = 2, 1.0
WARM_UP_SECONDS = 2.0
COMPARED = 16  # photos by whose answers a contender shows that it runs the same model


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured, and where.

    Attributes:
        made: folder of models and photos.
        temporary: folder for what servers write.
        photos: encoded, by folder.
        cores: the server's and the load's.
        seconds: of each load.
    """

    made: Path
    temporary: Path
    photos: dict[str, list[bytes]]
    contenders: tuple[Contender, ...]
    cores: tuple[int, int]
    seconds: float


def main() -> int:
    """Measures, tells, and writes the page after a full run; 1 when a figure is not reached."""
    arguments = build_parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    began = time.monotonic()
    passes = QUICK_PASSES if arguments.quick else arguments.passes
    seconds = QUICK_SECONDS if arguments.quick else arguments.seconds
    with ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        made = arguments.folder or temporary / "made"
        make(arguments.data, made)
        bench = Bench(
            made=made,
            temporary=temporary,
            photos=read_photos(made / "photos"),
            contenders=choose(arguments.only),
            cores=two_cores(),
            seconds=seconds,
        )
        results = Results()
        for number in range(1, passes + 1):
            tell(f"pass {number} of {passes}, after {(time.monotonic() - began) / 60:.1f} minutes")
            run_pass(bench, results)
    run = Run(results, bench.contenders, passes, seconds, Path(arguments.data).name)
    text = full_section(run)
    sys.stdout.write(text)
    if bench.contenders == CONTENDERS and passes >= PASSES and seconds >= SECONDS:
        PAGE.write_text(replace_section(PAGE.read_text(encoding="utf-8"), text), encoding="utf-8")
    tell(f"took {(time.monotonic() - began) / 60:.1f} minutes")
    return 0 if all(figure.reached for figure in verdicts(run)) else 1


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="./noxw -s bench_serving --",
        description="Measures this model server and others side by side, the server on one core "
        f"and the load on another; all of it takes about 20 minutes and goes to docs/{PAGE.name}, unless it is shortened.",
        epilog="example:\n  ./noxw -s bench_serving -- --data ~/flowers.tar --quick --only "
        "litserve",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [contender.name for contender in CONTENDERS[1:]]
    parser.add_argument("--data", default="flowers", help="photos, as `trainer prepare` takes them")
    parser.add_argument("--only", nargs="*", choices=names, help="beside some others alone")
    parser.add_argument("--passes", type=int, default=PASSES, help="each starts all servers anew")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each load")
    parser.add_argument("--quick", action="store_true", help="a few minutes")
    parser.add_argument("--folder", type=Path, help="where models and photos are kept, or taken")
    return parser


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
    subprocess.run(
        [sys.executable, script, data, folder], env=environment, stdout=sys.stderr, check=True
    )


def read_photos(folder: Path) -> dict[str, list[bytes]]:
    """Encoded, by the folder that they are in."""
    return {
        kind.name: [path.read_bytes() for path in sorted(kind.iterdir())]
        for kind in folder.iterdir()
    }


def run_pass(bench: Bench, results: Results) -> None:
    """Measures everything once: the bare loop, this server, the others, for each workload."""
    for workload in WORKLOADS:
        with on_cores({bench.cores[1]}):
            for photos in folders(workload):
                results.bare[photos].append(run_bare(bench, workload, photos))
            expected: list[Answer] = []
            for contender in bench.contenders:
                expected = compete(bench, results, contender, workload, expected)
        with start(bench, OURS, workload, set(bench.cores)) as server:
            first_answer(server, bench.photos[workload.photos][0])
            measure(bench, results, server, workload, [case for case in GROWTH if case.cores > 1])


def folders(workload: Workload) -> list[str]:
    """The photos that a workload's model gets."""
    return [workload.photos, str(TINY.photos)] if workload is S else [workload.photos]


def run_bare(bench: Bench, workload: Workload, photos: str) -> float:
    """Images a second of decode and inference in a loop, on the server's core."""
    command: list[str | Path] = [
        INFERENCE_PYTHON,
        ROOT / "benchmarks/serving_bare.py",
        version(bench, OURS, workload),
        bench.made / "photos" / photos,
        str(bench.seconds),
    ]
    with on_cores({bench.cores[0]}):
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    rate, of_processor = map(float, done.stdout.split())
    told = f"{rate:.0f}/s, {of_processor:.0f} a second of the processor"
    tell(f"  {workload.name}, bare loop, photos of {photos}: {told}")
    return rate


def compete(
    bench: Bench,
    results: Results,
    contender: Contender,
    workload: Workload,
    expected: list[Answer],
) -> list[Answer]:
    """Starts a server, compares its answers with those expected, and loads it.

    Returns:
        Its answers.

    Raises:
        SystemExit: it does not run the same model.
    """
    key = contender.name, workload.name
    photos = bench.photos[workload.photos][:COMPARED]
    with start(bench, contender, workload, {bench.cores[0]}) as server:
        results.starts[key].append(first_answer(server, photos[0]))
        answers = [ask(server, photo) for photo in photos]
        if expected and not agree(expected, answers):
            raise SystemExit(f"{contender.title} gives other classes: {answers}, not {expected}")
        measure(bench, results, server, workload, [EIGHT, MANY, *([TINY] if workload is S else [])])
        results.megabytes[key].append(proportional_megabytes(server.process.pid))
        tell(f"    {results.starts[key][-1]:.2f} s to start, {results.megabytes[key][-1]:.0f} MB")
        if contender is OURS:
            measure(bench, results, server, workload, [MULTIPART, *others(GROWTH)])
    return answers


def others(cases: tuple[Case, ...]) -> list[Case]:
    """Those with one core that are not measured of every server."""
    return [case for case in cases if case.cores == 1 and case not in (EIGHT, MANY)]


def start(
    bench: Bench, contender: Contender, workload: Workload, cores: set[int]
) -> AbstractContextManager[Server]:
    """A contender's server with the workload's model."""
    return running(contender, version(bench, contender, workload), bench.temporary, cores)


def version(bench: Bench, contender: Contender, workload: Workload) -> Path:
    """The folder of the model in the contender's format."""
    return bench.made / contender.models / workload.model / "1"


def measure(
    bench: Bench, results: Results, server: Server, workload: Workload, cases: list[Case]
) -> None:
    """Warms the server up, then loads it in each of the ways."""
    contender = server.contender
    for number, case in enumerate(cases):
        form = FILE if case.multipart else contender.form
        photos = bench.photos[case.photos or workload.photos]
        requests = [request(contender, form, photo) for photo in photos]
        if number == 0:
            run_load(server.port, requests, case.clients, WARM_UP_SECONDS)
        used = processor_seconds(server.process.pid)
        load = run_load(server.port, requests, case.clients, bench.seconds)
        used = processor_seconds(server.process.pid) - used
        results.loads[contender.name, workload.name, case].append(load)
        told = f"{load.rate:.0f}/s, {load.answers / used:.0f} a second of the processor"
        told += f", p99 {load.p99 * 1000:.0f} ms" + f", {load.failed} failed" * bool(load.failed)
        tell(f"  {workload.name}, {contender.title}, {case.title}: {told}")


def tell(line: str) -> None:
    """How far the measurement is."""
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
