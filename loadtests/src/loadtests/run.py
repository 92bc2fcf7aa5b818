"""One run of locust, as a library."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import gevent
from gevent.pool import Group
from locust.env import Environment
from locust.html import get_html_report
from locust.stats import stats_history

from loadtests.figures import Sample, percentile
from loadtests.visitor import TIMEOUT_SECONDS, Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from loadtests.visitor import Traffic

PROGRESS_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run brought.

    Attributes:
        samples: all its requests, in the order of their answers.
        start: when it started, as `time.perf_counter` tells.
        seconds: from its start to the last answer, at least what was asked for.
        page: locust's own report, as HTML.
    """

    samples: list[Sample]
    start: float
    seconds: float
    page: str


def run(
    host: str, traffic: Traffic, users: int, duration: float, beside: Callable[[], str] = str
) -> Outcome:
    """Sends traffic for so many seconds, then waits for the last answers.

    Args:
        host: base URL.
        traffic: what each user sends.
        users: how many there are.
        duration: seconds.
        beside: what each line of progress is to tell besides.
    """
    Visitor.traffic = traffic
    environment = Environment(user_classes=[Visitor], host=host, stop_timeout=TIMEOUT_SECONDS)
    recorder = Recorder(time.perf_counter())
    environment.events.request.add_listener(recorder.record)  # type: ignore[no-untyped-call]
    runner = environment.create_local_runner()
    background = Group()
    background.spawn(stats_history, runner)
    background.spawn(report_progress, recorder, beside)
    runner.start(users, spawn_rate=users)
    gevent.sleep(duration)
    background.kill()
    runner.stop()
    seconds = max(duration, recorder.last)
    page = get_html_report(environment, show_download_link=False)  # type: ignore[no-untyped-call]
    runner.quit()
    return Outcome(recorder.samples, recorder.start, seconds, page)


@dataclass(slots=True)
class Recorder:
    """Keeps a sample of each request, and when the last answer came after the start."""

    start: float
    samples: list[Sample] = field(default_factory=list)
    last: float = 0.0

    def record(
        self,
        response_time: float,
        exception: Exception | None,
        context: Mapping[str, bool],
        **_: object,
    ) -> None:
        """Takes what locust tells of a request."""
        self.last = time.perf_counter() - self.start
        fault = None if exception is None else str(exception)
        self.samples.append(Sample(response_time, fault, context["predicts"], self.last))


def report_progress(recorder: Recorder, beside: Callable[[], str]) -> None:
    """Tells every few seconds, on stderr, what these few seconds brought."""
    told = 0
    while True:
        gevent.sleep(PROGRESS_SECONDS)
        recent, told = recorder.samples[told:], len(recorder.samples)
        failed = sum(sample.fault is not None for sample in recent)
        latencies = [each.milliseconds for each in recent if each.predicts and not each.fault]
        seconds = time.perf_counter() - recorder.start
        sys.stderr.write(
            f"{seconds:5.0f} s  {len(recent) / PROGRESS_SECONDS:6.1f}/s  "
            f"{failed} failed  p95 {percentile(latencies, 95):.0f} ms{beside()}\n"
        )
        sys.stderr.flush()
