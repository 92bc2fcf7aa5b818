"""One event is one line on stderr: readable on a terminal, JSON elsewhere."""

from __future__ import annotations

import json
import logging
import sys
import warnings
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inference.settings import Settings

_DELETE = b"\x7f"  # the one control character that orjson does not escape


def configure(settings: Settings) -> None:
    """Send all logging of the process, warnings included, to stderr in the format chosen."""
    text = settings.log_format == "text" or (settings.log_format == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(TextFormatter() if text else JsonFormatter())
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    logging.captureWarnings(capture=True)
    _leave_out_what_no_line_tells()
    # They log what bad input gets; uvicorn advises a hostile client's every upgrade to a WebSocket.
    for library in ("PIL", "asyncio", "python_multipart", "uvicorn"):
        logging.getLogger(library).setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    # Pillow warns of damage by its numbers, so that each new one was a line, and kept for ever.
    warnings.filterwarnings("ignore", module="PIL")


def _leave_out_what_no_line_tells() -> None:
    """Seen: half of a line's cost. https://docs.python.org/3/howto/logging.html#optimization."""
    logging._srcfile = None  # noqa: SLF001 - the documented way
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False


def _is_news(record: logging.LogRecord) -> bool:
    """Whether no request's own line tells it: that has the reason for an answer without an end."""
    return record.msg != "ASGI callable returned without completing response."


def fields(**values: object) -> Mapping[str, object]:
    """For `extra=`: what belongs to an event beside its message."""
    return {"fields": values}


class JsonFormatter(logging.Formatter):
    """An object a line; JSON's own escapes keep any text from starting a second one."""

    def format(self, record: logging.LogRecord) -> str:
        """Time in UTC, level, logger, message, then the event's own fields."""
        event = {
            "time": _time(record).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return _in_ascii(event)


class TextFormatter(logging.Formatter):
    """Time, level, message and `key=value` fields, with control characters escaped."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever the parts hold."""
        time = _time(record).astimezone().strftime("%H:%M:%S")
        parts = [time, f"{record.levelname.lower():7}", record.getMessage()]
        parts += [f"{key}={value}" for key, value in getattr(record, "fields", {}).items()]
        if record.exc_info:
            parts.append(self.formatException(record.exc_info))
        return printable(" ".join(parts))


def _in_ascii(event: Mapping[str, object]) -> str:
    """JSON in ASCII, whose line ends JSON escapes; of others, Unicode has some.

    A number that JSON has not, as NaN, becomes null.
    """
    try:
        line = orjson.dumps(event, default=str)
    except TypeError:  # text that UTF-8 does not have, or an integer that is too long
        return json.dumps(event, default=str)
    plain = line.isascii() and _DELETE not in line
    return line.decode() if plain else json.dumps(orjson.loads(line))


def printable(text: str) -> str:
    """The text with everything escaped that could move a terminal's cursor or break a line."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii")
        for letter in text
    )


def _time(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)
