"""Tells what the side-by-side measurement has given: the section of docs/benchmarks.md."""

from __future__ import annotations

import platform
import re
import statistics
import textwrap
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from figures import spread
from run import machine
from serving_contenders import OURS, PEERS, ROOT
from serving_picture import PICTURE
from serving_results import CLIENTS, EIGHT, MANY, MULTIPART, TINY, WORKLOADS, Case, S
from serving_verdicts import verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from figures import Figure
    from serving_contenders import Contender
    from serving_results import Run, Workload

PAGE = ROOT / "docs/benchmarks.md"
HEADING = "## Serving, side by side"

SETUPS = {
    "ours": "as it is, with a queue as long as there are clients; images as raw bodies",
    "litserve": "one worker, batches of at most 8 that wait 5 ms; multipart",
    "mlserver": "a custom runtime in one parallel worker, adaptive batches of at most 8 that wait "
    "5 ms; images in base64 as tensors of the Open Inference Protocol",
    "bentoml": "one worker, adaptive batches of at most 8; multipart",
    "flask_onnxruntime": "one worker with two threads; multipart",
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


def full_section(run: Run) -> str:
    """The section's text, its heading included."""
    parts = [
        HEADING,
        paragraph(introduction(run)),
        f"![images a second with 8 clients, as in the tables below]({PICTURE.name})",
        *(comparison(run, workload) for workload in WORKLOADS),
        growth(run),
        judgement(verdicts(run)),
        "How each is set up (`benchmarks/peers/` has code and locks):",
        "\n".join(paragraph(f"- {set_up(each)}") for each in run.contenders),
    ]
    return "\n\n".join(parts) + "\n"


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
        "the median is told, with the least and the most; ratios are of the same pass, and those "
        "against the bare loop the median of turns of half a second within it. All run the same "
        "two networks, trained for one epoch, with one thread for ONNX Runtime, decode by "
        "Pillow at a reduced scale, and were seen to give the same classes. "
        + ("No request failed." if not failed else f"Requests that failed: {failed}.")
    )


def comparison(run: Run, workload: Workload) -> str:
    """A workload's table: the bare loop, this server, the others."""
    told = f"{workload.name}: {workload.title}."
    tiny = []
    if workload is S:
        tiny = ["JPEGs of 32 px"]
        told += (
            " Images a second; those of 32 px are sent by 8 clients. The first answer counts from "
            "the start of the process; memory is that of all processes after the load, with what "
            "they share counted once (PSS)."
        )
    head = ["server", "8 clients", "32 clients", "p99 of 32", *tiny, "first answer", "memory"]
    rows = [bare_row(run, workload), *(row(run, each, workload) for each in run.contenders)]
    rows.insert(2, multipart_row(run, workload))
    return paragraph(told) + "\n\n" + table(head, rows)


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
    told = (
        "This server with more clients and cores: images a second, and p99. Of two cores, load and "
        "server share both."
    )
    return paragraph(told) + "\n\n" + table(head, rows)


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


def paragraph(text: str) -> str:
    """Lines of at most 100 letters; those of a list's item are set in."""
    inset = "  " if text.startswith("- ") else ""
    return textwrap.fill(
        text, 100, subsequent_indent=inset, break_long_words=False, break_on_hyphens=False
    )


def set_up(contender: Contender) -> str:
    """What is measured of a contender, and in which versions."""
    return f"{contender.title}: {SETUPS[contender.name]}; {versions(contender)}."


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
