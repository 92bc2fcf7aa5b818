"""The trainer's log: an event a line in JSON, and what commands print, in plain text."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a container's log.

    Attributes:
        time: when it was written, RFC 3339; empty where kubectl itself says something.
        text: for people, without control characters.
        level: of an event; empty for what was printed.
        message: of an event; the whole line for what was printed.
    """

    time: str
    text: str
    level: str
    message: str


def parse(timestamped: str) -> Line:
    """A line of `kubectl logs --timestamps`."""
    time, _, content = timestamped.rstrip("\r\n").partition(" ")
    if not _TIME.fullmatch(time):
        return Line("", printable(timestamped.rstrip("\r\n")), "", timestamped)
    event = _event(content)
    if event is None:
        return Line(time, printable(content), "", content)
    known = {"time", "level", "logger", "message"}
    parts = [_clock(event.pop("time")), f"{event['level']!s:7}", str(event["message"])]
    parts += [f"{key}={value}" for key, value in event.items() if key not in known]
    return Line(time, printable(" ".join(parts)), str(event["level"]), str(event["message"]))


def printable(text: str) -> str:
    """The text with everything escaped that could move a terminal's cursor or break a line."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def _event(content: str) -> dict[str, object] | None:
    try:
        event = json.loads(content)
    except (ValueError, RecursionError):
        return None
    needed = {"time", "level", "message"}
    return event if isinstance(event, dict) and needed <= event.keys() else None


def _clock(time: object) -> str:
    try:
        return datetime.fromisoformat(str(time)).astimezone().strftime("%H:%M:%S")
    except (ValueError, OverflowError):
        return str(time)
