"""What the passes of the side-by-side measurement give, in the order of the passes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from serving_contenders import Contender
    from serving_load import Load


@dataclass(frozen=True, slots=True)
class Workload:
    """A model with the photos that it gets.

    Attributes:
        name: in a table.
        model: folder of the model repository.
        photos: folder of photos.
        title: what it is.
    """

    name: str
    model: str
    photos: str
    title: str


@dataclass(frozen=True, slots=True)
class Case:
    """A way to load a server.

    Attributes:
        clients: that send at the same time.
        photos: folder of photos; None for the workload's own.
        multipart: whether they are sent in the form of a page's upload.
        cores: that the server has; with two, the load has the same two.
    """

    clients: int
    photos: str | None = None
    multipart: bool = False
    cores: int = 1

    @property
    def title(self) -> str:
        """In a few words."""
        words = ["1 client" if self.clients == 1 else f"{self.clients} clients"]
        words += [f"photos of {self.photos}"] if self.photos else []
        words += ["multipart"] if self.multipart else []
        words += [f"{self.cores} cores"] if self.cores > 1 else []
        return ", ".join(words)


S = Workload("S", "small", "320", "a CNN of 32 x 32 pixels with JPEGs of 320 x 240 pixels")
M = Workload("M", "medium", "1280", "a CNN of 128 x 128 pixels with JPEGs of 1280 x 960 pixels")
WORKLOADS = (S, M)
CLIENTS = (1, 8, 32, 128)
EIGHT, MANY = Case(8), Case(32)
TINY = Case(8, photos="32")  # of S alone
MULTIPART = Case(8, multipart=True)  # of this server alone
GROWTH = tuple(Case(clients, cores=cores) for cores in (1, 2) for clients in CLIENTS)


@dataclass(frozen=True, slots=True)
class Results:
    """Values of all passes, the first pass' first.

    Attributes:
        bare: images a second of the loop without a server, by folder of photos.
        of_bare: this server's images with 8 clients for each of the loop's, by workload's name.
        loads: by contender's and workload's name and case.
        starts: seconds until the first answer, by contender's and workload's name.
        megabytes: of memory after the load, likewise.
    """

    bare: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    of_bare: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    loads: dict[tuple[str, str, Case], list[Load]] = field(
        default_factory=lambda: defaultdict(list)
    )
    starts: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    megabytes: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))

    def rates(self, contender: str, workload: Workload, case: Case) -> list[float]:
        """Images a second."""
        return [load.rate for load in self.loads.get((contender, workload.name, case), ())]

    def slowest(self, contender: str, workload: Workload, case: Case) -> list[float]:
        """Milliseconds within which 99 % of the answers came."""
        return [load.p99 * 1000 for load in self.loads.get((contender, workload.name, case), ())]

    def failed(self) -> int:
        """Requests without an answer of status 200."""
        return sum(load.failed for loads in self.loads.values() for load in loads)


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


def ratios(values: list[float], others: list[float]) -> list[float]:
    """Pass by pass."""
    return [value / other for value, other in zip(values, others, strict=True)]
