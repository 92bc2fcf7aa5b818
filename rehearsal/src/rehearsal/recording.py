"""Every call to Amazon, as a line of JSON in a file."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_READS = ("BatchGet", "Check", "Describe", "Get", "Head", "List", "Lookup", "Search", "Validate")


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one action.

    Attributes:
        caller: whose credentials it was; what CloudFormation does, it does with its caller's.
        action: as IAM names it, such as ec2:DescribeVpcs.
        mutating: whether it changes something, going by its name.
        error: the code of what was refused; empty for what was done.
        resource: for what CloudFormation does on the way, the logical id and the type that it does
            it for; such an action may be called, going by the type's schema. Empty for a real call.
    """

    caller: str
    action: str
    mutating: bool
    error: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes calls down.

    Attributes:
        names: of callers, by the ids of their keys.
    """

    path: Path
    names: Mapping[str, str]
    lock: threading.Lock

    def record(self, *calls: Call) -> None:
        """Adds calls to the file."""
        told = [replace(each, caller=self.names.get(each.caller, each.caller)) for each in calls]
        lines = "".join(f"{json.dumps(asdict(each))}\n" for each in told)
        with self.lock, self.path.open("a") as file:
            file.write(lines)


def open_recorder(path: Path, names: Mapping[str, str]) -> Recorder:
    """A recorder that goes on with a file, or begins one."""
    path.touch()
    return Recorder(path, names, threading.Lock())


def read_calls(path: Path) -> list[Call]:
    """What was recorded, in the order in which the calls ended."""
    return [Call(**json.loads(line)) for line in path.read_text().splitlines()]


def is_mutating(action: str) -> bool:
    """Whether an action such as ec2:CreateVpc changes something, going by its name."""
    return not action.partition(":")[2].startswith(_READS)
