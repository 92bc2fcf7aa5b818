"""Tells what the side-by-side measurement has given: the section of docs/benchmarks.md."""

from __future__ import annotations

import platform
import re
import statistics
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from figures import Figure, spread
from run import machine
from serving_results import (
    CLIENTS,
    EIGHT,
    MANY,
    MULTIPART,
    TINY,
    WORKLOADS,
    Case,
    M,
    S,
    ratios,
)
from serving_servers import OURS, PEERS, ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from serving_results import Results, Workload
    from serving_servers import Contender

PAGE = ROOT / "docs/benchmarks.md"
HEADING = "## Serving, side by side"

LEAST_OF_BARE = 0.9
LEAST_TIMES = {"litserve": 2.0, "mlserver": 2.0, "bentoml": 2.0, "flask_keras": 40.0}  # on S
MOST_SECONDS, MOST_OF_LIGHTEST = 0.9, 1.05

SETUPS = {
    "ours": "as it is, with a queue as long as there are clients; images as raw bodies",
    "litserve": "one worker, batches of at most 8 that wait 5 ms, its fast queue; multipart",
    "mlserver": "a custom runtime in one parallel worker, adaptive batches of at most 8 that wait "
    "5 ms; images in base64 as tensors of the Open Inference Protocol",
    "bentoml": "one worker, adaptive batches of at most 8; multipart",
    "flask_onnxruntime": "one worker with four threads; multipart",
    "flask_keras": "`model.predict` in Flask's own server, as many tutorials have it; multipart",
}
VERSIONS = {  # whose tell what is measured
    "ours": ("onnxruntime", "pillow", "uvicorn", "starlette"),
    "litserve": ("litserve", "onnxruntime", "pillow"),
    "mlserver": ("mlserver", "onnxruntime", "pillow"),
    "bentoml": ("bentoml", "onnxruntime", "pillow"),
    "flask_onnxruntime": ("flask", "gunicorn", "onnxruntime", "pillow"),
    "flask_keras": ("flask", "keras", "tensorflow-cpu", "pillow"),
}


@dataclass(frozen=True, slots=True)
class Run:
    """A whole measurement.

    Attributes:
        contenders: this server first.
        seconds: of each load.
        data: name of the photos' source.
    """

    results: Results
    contenders: tuple[Contender, ...]
    passes: int
    seconds: float
    data: str

    @property
    def peers(self) -> tuple[Contender, ...]:
        """All but this server."""
        return self.contenders[1:]


def full_section(run: Run) -> str:
    """The section's text, its heading included."""
    return (
        "\n\n".join(
            [
                HEADING,
                introduction(run),
                *(comparison(run, workload) for workload in WORKLOADS),
                growth(run),
                judgement(verdicts(run)),
                "How each is set up (`benchmarks/peers/` has the code and the locks):\n\n"
                + "\n".join(
                    f"- {each.title}: {SETUPS[each.name]}; {versions(each)}."
                    for each in run.contenders
                ),
            ]
        )
        + "\n"
    )


def replace_section(page: str, text: str) -> str:
    """The page with this section in place of the one of the same heading, or at its end."""
    found = re.search(rf"^{re.escape(HEADING)}$.*?(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    if found is None:
        return f"{page.rstrip()}\n\n{text}"
    rest = page[found.end() :]
    return page[: found.start()] + text + (f"\n{rest}" if rest else "")


def introduction(run: Run) -> str:
    """How it was measured."""
    failed = run.results.failed()
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} by `./noxw -s bench_serving -- --data "
        f"{run.data}`: {machine()}, Python {platform.python_version()}. One core is the server's "
        "and all its processes', another the load's: clients that each send the next of 64 photos "
        f"once the last is answered. Every one of {run.passes} passes starts each server anew, one "
        f"after the other, warms it up and loads it for {run.seconds:g} s a figure. Of the passes "
        "the median is told, with the least and the most; ratios are of the same pass. All run the "
        "same two networks, trained for one epoch, with one thread for ONNX Runtime, decode by "
        "Pillow at a reduced scale, and were seen to give the same classes. "
        + ("No request failed." if not failed else f"Requests that failed: {failed}.")
    )


def comparison(run: Run, workload: Workload) -> str:
    """A workload's table: the bare loop, this server, the others."""
    tiny = workload is S
    head = ["server", "8 clients", "32 clients", "p99 of 32", *(["JPEGs of 32 px"] if tiny else [])]
    rows = [bare_row(run, workload), *(row(run, each, workload) for each in run.contenders)]
    rows.insert(2, multipart_row(run, workload))
    return (
        f"{workload.name}: {workload.title}. Images a second; JPEGs of 32 px are sent by 8 "
        "clients; the first answer counts from the start of the process; memory is the "
        "proportional share (PSS) of all processes after the load.\n\n"
        if tiny
        else f"{workload.name}: {workload.title}.\n\n"
    ) + table([*head, "first answer", "memory"], rows)


def bare_row(run: Run, workload: Workload) -> list[str]:
    """The loop without a server."""
    rate = plain(run.results.bare[workload.photos])
    if workload is S:
        return ["bare loop in a process", rate, "", "", plain(run.results.bare[str(TINY.photos)])]
    return ["bare loop in a process", rate, "", ""]


def row(run: Run, contender: Contender, workload: Workload) -> list[str]:
    """A server's line."""
    results, name = run.results, contender.name
    tiny = [plain(results.rates(name, workload, TINY))] if workload is S else []
    return [
        contender.title,
        plain(results.rates(name, workload, EIGHT)),
        plain(results.rates(name, workload, MANY)),
        spread(results.slowest(name, workload, MANY), "ms", 0),
        *tiny,
        spread(results.starts[name, workload.name], "s"),
        spread(results.megabytes[name, workload.name], "MB", 0),
    ]


def multipart_row(run: Run, workload: Workload) -> list[str]:
    """This server, when it is asked as most others are."""
    return ["the same, by multipart", plain(run.results.rates(OURS.name, workload, MULTIPART))]


def growth(run: Run) -> str:
    """How this server does with more clients and cores."""
    columns = [(workload, cores) for workload in WORKLOADS for cores in (1, 2)]
    head = [
        "clients",
        *(f"{each.name}, {cores} core{'s' * (cores > 1)}" for each, cores in columns),
    ]
    rows = [
        [str(clients), *(grown(run, each, Case(clients, cores=cores)) for each, cores in columns)]
        for clients in CLIENTS
    ]
    return (
        "This server with more clients and cores: images a second, and p99. Of two cores, load "
        "and server share both.\n\n" + table(head, rows)
    )


def grown(run: Run, workload: Workload, case: Case) -> str:
    """A cell of that table."""
    slowest = statistics.median(run.results.slowest(OURS.name, workload, case))
    return f"{plain(run.results.rates(OURS.name, workload, case))}, {slowest:.0f} ms"


def judgement(figures: Iterable[Figure]) -> str:
    """What should be, and whether it is."""
    rows = [
        [each.what, each.value, each.target, "yes" if each.reached else "no", each.detail]
        for each in figures
    ]
    return table(["what", "figure", "should be", "reached", "detail"], rows)


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
    found = ratios(run.results.rates(OURS.name, workload, EIGHT), run.results.bare[workload.photos])
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


def plain(values: Sequence[float]) -> str:
    """Median, least and most."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.0f} ({low:.0f} to {high:.0f})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown; short rows are filled up."""
    lines = [head, ["---"] * len(head), *(fill(row, len(head)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def fill(row: Sequence[str], length: int) -> list[str]:
    """The row with empty cells at its end."""
    return [*row, *[""] * (length - len(row))]


def versions(contender: Contender) -> str:
    """Of the packages that matter, as the contender's lock has them."""
    folder = ROOT / "inference" if contender is OURS else PEERS / contender.name
    locked = locked_versions((folder / "requirements.lock").read_text(encoding="utf-8"))
    return ", ".join(f"{name} {locked[name]}" for name in VERSIONS[contender.name])


def locked_versions(lock: str) -> dict[str, str]:
    """The first version of each package in a lock, by name."""
    found: dict[str, str] = {}
    for name, version in re.findall(r"^([a-z0-9-]+)==([^\s;\\]+)", lock, re.MULTILINE):
        found.setdefault(name, version)
    return found
