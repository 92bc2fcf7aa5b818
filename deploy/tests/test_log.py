from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from scenarios import event

from deploy import log

TIME = "2026-01-01T00:00:01.000000000Z"


def test_an_event_is_readable() -> None:
    line = log.parse(event(1, "version 1 of classifier is published"))
    assert line.text.split(" ", 1)[1] == "info    version 1 of classifier is published"
    assert (line.level, line.message) == ("info", "version 1 of classifier is published")


def test_an_event_s_own_fields_are_told() -> None:
    content = {"time": TIME, "level": "info", "message": "epoch", "loss": 1.5}
    assert log.parse(f"{TIME} {json.dumps(content)}").text.endswith(" info    epoch loss=1.5")


def test_what_was_printed_is_left_as_it_is() -> None:
    line = log.parse(f"{TIME} *    1  accuracy 99.7%\n")
    assert (line.text, line.level) == ("*    1  accuracy 99.7%", "")


def test_what_kubectl_says_itself_has_no_time() -> None:
    assert log.parse("unable to retrieve container logs for containerd://1").time == ""


@given(st.text())
def test_no_line_moves_the_cursor(content: str) -> None:
    line = log.parse(f"{TIME} {content}")
    assert line.text.isprintable()


@given(st.recursive(st.none() | st.text(), lambda each: st.dictionaries(st.text(), each)))
def test_any_json_is_a_line(content: object) -> None:
    assert log.parse(f"{TIME} {json.dumps(content)}").text.isprintable()
    known = {"time": content, "level": content, "message": content}
    assert log.parse(f"{TIME} {json.dumps(known)}").text.isprintable()
