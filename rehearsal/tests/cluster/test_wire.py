from __future__ import annotations

import pytest

from rehearsal.driver import wire


def test_bytes_are_as_the_specification_has_them() -> None:
    # The examples of https://protobuf.dev/programming-guides/encoding
    assert wire.encode((1, 150)) == bytes.fromhex("089601")
    assert wire.encode((2, "testing")) == bytes.fromhex("120774657374696e67")
    assert wire.encode((3, wire.encode((1, 150)))) == bytes.fromhex("1a03089601")


def test_what_was_encoded_is_decoded() -> None:
    entry = wire.encode((1, "key"), (2, "value"))
    message = wire.encode((1, "a"), (1, "b"), (2, (1 << 64) - 1), (16, True), (4, entry), (5, ""))
    values = wire.decode(message)
    assert wire.texts(values, 1) == ("a", "b")
    assert wire.text(values, 1) == "b"
    assert wire.whole(values, 2) == (1 << 64) - 1
    assert wire.whole(values, 16) == 1
    assert wire.pairs(values, 4) == {"key": "value"}
    assert wire.nested(values, 5) == {}
    assert wire.nested(values, 6) is None
    assert (wire.text(values, 7), wire.whole(values, 7), wire.texts(values, 7)) == ("", 0, ())


def test_fixed_numbers_are_passed_over() -> None:
    message = bytes.fromhex("09010203040506070815010203041801")
    assert wire.whole(wire.decode(message), 3) == 1


@pytest.mark.parametrize(
    "message",
    ["08", "0880", "08" + "ff" * 11, "1205abcd", "0b", "00", "0f", "1"[:0] + "15" + "0102"],
)
def test_what_is_no_message_is_refused(message: str) -> None:
    with pytest.raises(ValueError, match=r"cut off|no end|kind|number 0"):
        wire.decode(bytes.fromhex(message))


def test_a_field_of_another_kind_is_refused() -> None:
    values = wire.decode(wire.encode((1, 7), (2, "text")))
    for wrong in (lambda: wire.text(values, 1), lambda: wire.nested(values, 1)):
        with pytest.raises(ValueError, match="is a number"):
            wrong()
    with pytest.raises(ValueError, match="is no number"):
        wire.whole(values, 2)


def test_a_number_that_does_not_fit_is_refused() -> None:
    for value in (-1, 1 << 64):
        with pytest.raises(ValueError, match="64 bits"):
            wire.encode((1, value))
