from __future__ import annotations

import json
import logging
import math
import sys
import warnings

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference import logs
from inference.settings import Settings


def record(message: str, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("test", logging.INFO, __file__, 1, message, None, None)
    made.__dict__.update(logs.fields(**fields))
    return made


@given(st.text(), st.text())
def test_text_is_one_printable_line(message: str, value: str) -> None:
    assert logs.TextFormatter().format(record(message.replace("%", ""), key=value)).isprintable()


@given(st.text(), st.text())
@example("\x7f", "\x85\u2028")
def test_json_is_one_line_that_gives_back_what_went_in(message: str, value: str) -> None:
    line = logs.JsonFormatter().format(record(message, key=value))
    assert line.isascii()
    assert line.isprintable()
    assert (json.loads(line)["message"], json.loads(line)["key"]) == (message, value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_json_number_is_null(value: float) -> None:
    for client in ("x", "ä\u2028"):
        line = logs.JsonFormatter().format(record("told", value=value, status=200, client=client))
        assert line.isascii()
        told = json.loads(line, parse_constant=pytest.fail)
        assert (told["value"], told["status"], told["client"]) == (None, 200, client)


def test_what_utf_8_does_not_have_is_escaped() -> None:
    line = logs.JsonFormatter().format(record("told", client="\ud800"))
    assert json.loads(line)["client"] == "\ud800"


@pytest.mark.parametrize("formatter", [logs.TextFormatter(), logs.JsonFormatter()])
def test_a_traceback_stays_in_the_line(formatter: logging.Formatter) -> None:
    made = record("failed")
    try:
        raise RuntimeError("first\nsecond")  # noqa: TRY301 - what is to be formatted
    except RuntimeError:
        made.exc_info = sys.exc_info()
    assert "RuntimeError" in formatter.format(made)
    assert "\n" not in formatter.format(made)


def test_readable_letters_stay_readable() -> None:
    assert logs.printable("Größe\x1b[2J\r\n\u202e") == "Größe\\x1b[2J\\r\\n\\u202e"


@pytest.mark.parametrize(
    ("log_format", "kind"),
    [("text", logs.TextFormatter), ("json", logs.JsonFormatter), ("auto", logs.JsonFormatter)],
)
def test_the_format_that_is_set_is_used(
    log_format: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.RootLogger(logging.WARNING)
    monkeypatch.setattr(logging, "root", root)
    monkeypatch.setattr(logging, "captureWarnings", lambda capture: capture)
    logs.configure(Settings(log_format=log_format, log_level="debug"))
    assert isinstance(root.handlers[0].formatter, kind)
    assert root.level == logging.DEBUG


def test_what_pillow_warns_of_is_neither_told_nor_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging, "root", logging.RootLogger(logging.WARNING))
    monkeypatch.setattr(logging, "captureWarnings", lambda capture: capture)
    kept: dict[str | tuple[str, type[Warning], int], int] = {}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        logs.configure(Settings())
        for module in ("PIL.Image", "PIL.TiffImagePlugin", "other"):
            warnings.warn_explicit("9", UserWarning, "file", 1, module, kept)
    assert len(told) == 1
    assert [key for key in kept if key != "version"] == [("9", UserWarning, 1)]
