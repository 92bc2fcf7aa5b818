"""What this model server should reach beside the others, and whether it does."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from figures import Figure, spread
from serving_contenders import OURS
from serving_results import EIGHT, MANY, WORKLOADS, M, S, ratios

if TYPE_CHECKING:
    from collections.abc import Sequence

    from serving_contenders import Contender
    from serving_results import Run, Workload

LEAST_OF_BARE = 0.9
LEAST_TIMES = {"litserve": 2.0, "mlserver": 2.0, "bentoml": 2.0, "flask_keras": 40.0}  # on S
MOST_SECONDS, MOST_OF_LIGHTEST = 0.9, 1.05


def verdicts(run: Run) -> list[Figure]:
    """The figures that this server is held to."""
    return [
        *(against_bare(run, workload) for workload in WORKLOADS),
        *(against(run, peer, workload) for workload in WORKLOADS for peer in run.peers),
        *(tail(run, workload) for workload in WORKLOADS if run.peers),
        cold_start(run),
        *(memory(run, workload) for workload in WORKLOADS if run.peers),
    ]


def against_bare(run: Run, workload: Workload) -> Figure:
    """How much of the bare loop is left with 8 clients."""
    found = run.results.of_bare[workload.name]
    return Figure(
        f"{workload.name}, 8 clients, against the bare loop",
        spread(found, "x"),
        f"at least {LEAST_OF_BARE:g} x",
        statistics.median(found) >= LEAST_OF_BARE,
    )


def against(run: Run, peer: Contender, workload: Workload) -> Figure:
    """How many times another server's images, with 8 and with 32 clients."""
    found = [
        ratios(
            run.results.rates(OURS.name, workload, case),
            run.results.rates(peer.name, workload, case),
        )
        for case in (EIGHT, MANY)
    ]
    least = LEAST_TIMES.get(peer.name) if workload is S else None
    worst = min(map(statistics.median, found))
    return Figure(
        f"{workload.name}, 8 and 32 clients, against {peer.title}",
        " and ".join(spread(each, "x", 1) for each in found),
        f"at least {least:g} x" if least else "more than 1 x",
        worst >= least if least else worst > 1,
    )


def tail(run: Run, workload: Workload) -> Figure:
    """How long the slowest of 32 clients' requests take, beside the best of the others."""
    best = least_of([run.results.slowest(peer.name, workload, MANY) for peer in run.peers])
    found = ratios(run.results.slowest(OURS.name, workload, MANY), best)
    return Figure(
        f"{workload.name}, p99 of 32 clients, against the others' shortest",
        spread(found, "x"),
        "less than 1 x",
        statistics.median(found) < 1,
    )


def cold_start(run: Run) -> Figure:
    """From the start of the process to the first answer, with either model."""
    found = [each for workload in (S, M) for each in run.results.starts[OURS.name, workload.name]]
    return Figure(
        "from process start to the first classified photo",
        spread(found, "s"),
        f"at most {MOST_SECONDS} s",
        statistics.median(found) <= MOST_SECONDS,
    )


def memory(run: Run, workload: Workload) -> Figure:
    """Beside the lightest of the others."""
    lightest = least_of([run.results.megabytes[peer.name, workload.name] for peer in run.peers])
    found = ratios(run.results.megabytes[OURS.name, workload.name], lightest)
    return Figure(
        f"{workload.name}, memory (PSS), against the lightest of the others",
        spread(found, "x"),
        f"at most {MOST_OF_LIGHTEST:g} x",
        statistics.median(found) <= MOST_OF_LIGHTEST,
    )


def least_of(series: Sequence[list[float]]) -> list[float]:
    """Pass by pass."""
    return [min(values) for values in zip(*series, strict=True)]
