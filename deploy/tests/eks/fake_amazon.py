"""An account of moto's in this process, and what is sent to it."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from deploy.eks.account import Account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

REGION = "us-west-2"
READING = ("Describe", "Get", "List", "BatchGet")


@dataclass
class Amazon:
    """An account of moto's, in this process.

    Attributes:
        sent: all calls, such as "CreateChangeSet", each with what was sent.
        asleep: what happens when somebody waits; without that, nobody may.
    """

    account: Account
    sent: list[tuple[str, Any]] = field(default_factory=list)
    asleep: Callable[[], None] | None = None

    @property
    def calls(self) -> list[str]:
        """All calls, by their names."""
        return [name for name, _ in self.sent]

    @property
    def changes(self) -> list[str]:
        """The calls that could change something."""
        return [each for each in self.calls if not each.startswith(READING)]

    def sleep(self, _: float) -> None:
        assert self.asleep, "nothing is to be waited for"
        self.asleep()


@contextmanager
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    """Amazon, as long as a test needs it; nothing of the user's own counts."""
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # which takes longer than a test
    with mock_aws():
        session = _session()
        found = Amazon(Account(session, REGION))

        def note(model: Any, params: Any, **_: object) -> None:  # noqa: ANN401 - botocore's own
            found.sent.append((model.name, params["body"]))

        session.events.register("before-call", note)
        clock = SimpleNamespace(monotonic=time.monotonic, sleep=found.sleep)
        monkeypatch.setattr("deploy.eks.waiting.time", clock)  # that of all others stays
        yield found
        session.events.unregister("before-call", note)


@cache
def _session() -> boto3.Session:
    """One for all tests, since each would read the descriptions of Amazon's services anew."""
    return boto3.Session("testing", "testing", region_name=REGION)
