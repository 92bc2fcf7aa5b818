"""A locust user that sends the mix, by the closed or the open model.

Closed: each user sends its next request when it has the answer to the last, so that a slow server
is asked less. That tells what so many patient users get.

Open: each user sends at a given rate, whatever is still unanswered, as the world outside does. A
request is due at a time that the rate's shape alone sets, is sent by a greenlet of its own, and its
latency counts from when it was due. So neither a slow server nor a sender that comes late hides
the wait: there is no "coordinated omission" (Gil Tene, "How NOT to measure latency").
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import urllib3
from gevent.pool import Group
from locust import User, task

from loadtests import answers
from loadtests.errors import AnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from locust.env import Environment

    from loadtests.mix import Request
    from loadtests.shape import Shape

TIMEOUT_SECONDS = 30.0
# Kubernetes' proxy balances connections, not requests: one that is kept never reaches a new pod.
# It is also less than the 5 s after which uvicorn closes an idle connection, perhaps just then.
RECONNECT_SECONDS = 3.0
MOST_UNANSWERED = 500  # of one user: each holds a connection, and 1024 files are a common limit
NOT_SENT = f"not sent: {MOST_UNANSWERED} requests are unanswered"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What each user sends.

    Attributes:
        deck: an endless mix, which all users draw from.
        shape: requests a second in the open model, over time; None is the closed one.
    """

    deck: Iterator[Request]
    shape: Shape | None = None


class Visitor(User):
    """Sends requests and checks the answers.

    Attributes:
        traffic: to be set before a run.
    """

    traffic: ClassVar[Traffic]

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._connections = urllib3.PoolManager(
            maxsize=MOST_UNANSWERED, retries=False, timeout=TIMEOUT_SECONDS
        )
        self._connected = self._started = self._due = time.perf_counter()
        self._sent = 0
        self._unanswered = Group()

    @task
    def visit(self) -> None:
        """Sends one request; in the open model without waiting for its answer."""
        request = next(self.traffic.deck)
        if self.traffic.shape is None:
            self._send(request, time.perf_counter())
        elif len(self._unanswered) < MOST_UNANSWERED:
            self._unanswered.spawn(self._send, request, self._due)
        else:
            self._tell(request, self._due, 0, AnswerError(NOT_SENT))

    def wait_time(self) -> float:
        """Seconds until the next request is due."""
        if self.traffic.shape is None:
            return 0.0
        self._sent += 1
        self._due = self._started + self.traffic.shape.due(self._sent)
        return max(0.0, self._due - time.perf_counter())

    def on_start(self) -> None:
        """Makes the first request due now."""
        self._started = self._due = time.perf_counter()

    def on_stop(self) -> None:
        """Waits for what is unanswered; it counts like the rest."""
        self._unanswered.join(timeout=TIMEOUT_SECONDS)

    def _send(self, request: Request, due: float) -> None:
        self._reconnect()
        received, fault = 0, None
        try:
            response = self._connections.request(
                request.method,
                f"{self.host}{request.path}",
                body=request.body,
                headers={"Content-Type": request.content_type} if request.content_type else {},
            )
            received = len(response.data)
            answers.check(response.status, response.headers, response.data, request.check)
        except AnswerError as error:
            fault = error
        except urllib3.exceptions.HTTPError as error:
            fault = AnswerError(f"no answer: {type(error).__name__}")  # its text has an address
        self._tell(request, due, received, fault)

    def _reconnect(self) -> None:
        now = time.perf_counter()
        if now - self._connected > RECONNECT_SECONDS:
            self._connections.clear()  # what is in use goes on, and is closed when it is given back
            self._connected = now

    def _tell(self, request: Request, due: float, received: int, fault: Exception | None) -> None:
        self.environment.events.request.fire(
            request_type=request.method,
            name=request.name,
            response_time=(time.perf_counter() - due) * 1000,
            response_length=received,
            exception=fault,
            context={"predicts": request.predicts},
        )
