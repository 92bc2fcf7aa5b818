"""What is to fail, in a file that tests and people write: a line of JSON for each fault.

{"what": "eks:DescribeCluster", "code": "ServerException", "reason": "try again", "times": 2}
{"what": "create:ServingNodes", "reason": "no capacity", "times": 1}
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that fails.

    Attributes:
        what: an action as IAM names it, such as ec2:DescribeVpcs; or what CloudFormation does to a
            resource of a stack: create:, update: or delete: and its logical id.
        reason: that is told.
        code: of an action's error.
        times: how often; None for always.
    """

    what: str
    reason: str
    code: str = "AccessDenied"
    times: int | None = None


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults of a rehearsal, by the file that has them."""

    path: Path
    lock: threading.Lock

    def order(self, *faults: Fault) -> None:
        """Has these fail from now on, and what was to fail before no more."""
        with self.lock:
            self._write(faults)

    def take(self, what: str) -> Fault | None:
        """The fault that happens now, if one is ordered."""
        with self.lock:
            faults = self._read()
            found = next((each for each in faults if each.what == what), None)
            if found is not None and found.times is not None:
                left = Fault(found.what, found.reason, found.code, found.times - 1)
                others = [each for each in faults if each is not found]
                self._write([*others, left] if left.times else others)
            return found

    def _read(self) -> list[Fault]:
        try:
            lines = self.path.read_text().splitlines()
        except FileNotFoundError:
            return []
        return [Fault(**json.loads(line)) for line in lines if line.strip()]

    def _write(self, faults: list[Fault] | tuple[Fault, ...]) -> None:
        self.path.write_text("".join(f"{json.dumps(asdict(each))}\n" for each in faults))


def open_faults(path: Path) -> Faults:
    """The faults that a file has; there are none while there is no file."""
    return Faults(path, threading.Lock())
