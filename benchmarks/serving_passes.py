"""A pass of the side-by-side measurement: the bare loop, this server and the others, in turn.

One core is the server's, another the load's. Every pass starts each server anew, one after the
other, so that ratios are of the same minutes on the same machine; what this server reaches of the
bare loop, of the same seconds.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from serving_contenders import FILE, OURS, ROOT, agree, request
from serving_load import run_load
from serving_processes import (
    ask,
    first_answer,
    on_cores,
    processor_seconds,
    proportional_megabytes,
    running,
)
from serving_results import EIGHT, GROWTH, MANY, MULTIPART, TINY, WORKLOADS, S

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from pathlib import Path

    from serving_contenders import Answer, Contender
    from serving_processes import Server
    from serving_results import Case, Results, Workload

INFERENCE_PYTHON = ROOT / ".nox/env_inference/bin/python"
WARM_UP_SECONDS = 2.0
TURNS, TURN_SECONDS = 5, 0.5
TICK = 0.01  # seconds of the processor, as finely as the system counts them
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


def run_pass(bench: Bench, results: Results) -> None:
    """Measures everything once: the bare loop, this server, the others, for each workload."""
    for workload in WORKLOADS:
        with on_cores({bench.cores[1]}):
            for photos in folders(workload):
                results.bare[photos].append(run_bare(bench, workload, photos, bench.seconds))
            expected: list[Answer] = []
            for contender in bench.contenders:
                expected = compete(bench, results, contender, workload, expected)
        with start(bench, OURS, workload, set(bench.cores)) as server:
            first_answer(server, bench.photos[workload.photos][0])
            measure(bench, results, server, workload, [case for case in GROWTH if case.cores > 1])


def folders(workload: Workload) -> list[str]:
    """The photos that a workload's model gets."""
    return [workload.photos, str(TINY.photos)] if workload is S else [workload.photos]


def run_bare(bench: Bench, workload: Workload, photos: str, seconds: float) -> float:
    """Images a second of decode and inference in a loop, on the server's core."""
    command: list[str | Path] = [
        INFERENCE_PYTHON,
        ROOT / "benchmarks/serving_bare.py",
        version(bench, OURS, workload),
        bench.made / "photos" / photos,
        str(seconds),
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
            results.of_bare[workload.name].append(take_turns(bench, server, workload))
    return answers


def take_turns(bench: Bench, server: Server, workload: Workload) -> float:
    """How much of the bare loop is left with 8 clients: the median of some turns.

    A shared machine's speed changes within seconds, so a load is held against the loops before and
    after it.
    """
    requests = requests_of(bench, OURS, workload, EIGHT)
    bare = [run_bare(bench, workload, workload.photos, TURN_SECONDS)]
    rates = []
    for _ in range(TURNS):
        rates.append(run_load(server.port, requests, EIGHT.clients, TURN_SECONDS).rate)
        bare.append(run_bare(bench, workload, workload.photos, TURN_SECONDS))
    found = statistics.median(
        rate / statistics.mean(around) for rate, around in zip(rates, pairwise(bare), strict=True)
    )
    tell(f"  {workload.name}, {OURS.title}, in turns with the bare loop: {found:.2f} x")
    return found


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
        requests = requests_of(bench, contender, workload, case)
        if number == 0:
            run_load(server.port, requests, case.clients, WARM_UP_SECONDS)
        used = processor_seconds(server.process.pid)
        load = run_load(server.port, requests, case.clients, bench.seconds)
        used = processor_seconds(server.process.pid) - used
        results.loads[contender.name, workload.name, case].append(load)
        told = f"{load.rate:.0f}/s, {load.answers / max(used, TICK):.0f} a second of the processor"
        told += f", p99 {load.p99 * 1000:.0f} ms" + f", {load.failed} failed" * bool(load.failed)
        tell(f"  {workload.name}, {contender.title}, {case.title}: {told}")


def requests_of(bench: Bench, contender: Contender, workload: Workload, case: Case) -> list[bytes]:
    """One for each photo."""
    form = FILE if case.multipart else contender.form
    return [
        request(contender, form, photo) for photo in bench.photos[case.photos or workload.photos]
    ]


def tell(line: str) -> None:
    """How far the measurement is."""
    sys.stderr.write(line + "\n")
