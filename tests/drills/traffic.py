"""Load while something fails: a closed loop of clients, and what each of their requests got."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = 8
PATIENCE = 60.0  # seconds that an answer, or what is waited for, may take


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request to `/predict` got.

    Attributes:
        seconds: from its first byte to its answer's last.
        status: 0 where there was no answer.
        version: of the model that has answered.
        label: the most probable class.
        fault: why it failed.
    """

    seconds: float
    status: int
    version: int = 0
    label: str = ""
    fault: str = ""


class Traffic:
    """Clients that each send the next request when the last one is answered."""

    def __init__(self, url: str, image: bytes) -> None:
        self.answers: list[Answer] = []
        self._url = url
        self._image = image
        self._stopped = threading.Event()
        self._answered = threading.Condition()

    @property
    def failures(self) -> list[Answer]:
        return [answer for answer in self.answers if answer.status != httpx.codes.OK]

    def start(self) -> list[threading.Thread]:
        clients = [threading.Thread(target=self._ask_again) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        return clients

    def stop(self) -> None:
        self._stopped.set()

    def wait_for(self, version: int | None = None, seconds: float = PATIENCE) -> None:
        """Wait until the clients have had time for two more answers, one of them of a version.

        Args:
            version: any, if it is not given.
            seconds: that this may take.
        """

        def came() -> bool:
            new = self.answers[begin:]
            versions = {answer.version for answer in new if answer.version}
            wanted = bool(versions) if version is None else version in versions
            return wanted and len(new) >= 2 * CLIENTS

        with self._answered:
            begin = len(self.answers)
            assert self._answered.wait_for(came, seconds), f"the last: {self.answers[-3:]}"

    def go_on(self, seconds: float) -> None:
        """Keep on for so long."""
        self._stopped.wait(seconds)

    def _ask_again(self) -> None:
        with httpx.Client(base_url=self._url, timeout=PATIENCE, trust_env=False) as client:
            while not self._stopped.is_set():
                answer = ask(client, self._image)
                with self._answered:
                    self.answers.append(answer)
                    self._answered.notify_all()
                if answer.status != httpx.codes.OK:
                    wait_until_ready(client)


@contextmanager
def load(url: str, image: bytes) -> Iterator[Traffic]:
    """Traffic that has begun; after the block every request has its answer."""
    traffic = Traffic(url, image)
    clients = traffic.start()
    try:
        traffic.wait_for()
        yield traffic
    finally:
        traffic.stop()
        for client in clients:
            client.join()


def ask(client: httpx.Client, image: bytes) -> Answer:
    """One request."""
    began = time.monotonic()
    try:
        response = client.post("/predict", content=image, headers={"content-type": "image/png"})
    except httpx.TransportError as error:
        return Answer(time.monotonic() - began, 0, fault=repr(error))
    seconds = time.monotonic() - began
    if not response.is_success:
        return Answer(seconds, response.status_code, fault=response.text)
    said = response.json()
    label = said["predictions"][0]["top"][0]["label"]
    return Answer(seconds, response.status_code, said["model"]["version"], label)


def wait_until_ready(client: httpx.Client, seconds: float = PATIENCE) -> float:
    """How many seconds it took until `/ready` gave 200."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        try:
            if client.get("/ready", timeout=5.0).is_success:
                return time.monotonic() - began
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise AssertionError(f"{client.base_url} is not ready after {seconds:.0f} s")
