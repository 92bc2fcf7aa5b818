"""Of all formats that Pillow can read, five are; the others' decoders are not entered."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING

import pytest
from conftest import picture
from PIL import Image

from inference.recipes import FORMATS, UnreadableImageError, decode

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_PIXELS = 50_000_000

Image.init()
READ = (*FORMATS, "MPO")  # which is a JPEG with further pictures behind it
OTHERS = sorted(set(Image.OPEN) - set(READ))
MODES = ("RGB", "L", "1", "P", "I;16", "F", "RGBA")

#: How a file begins that Pillow reads and cannot write without help.
BEGINNINGS = {
    "BUFR": b"BUFR",
    "CUR": b"\0\0\2\0\1\0",
    "DCX": b"\xb1\x68\xde\x3a",
    "FITS": b"SIMPLE  =                    T",
    "FLI": bytes((0, 0, 0, 0, 0x11, 0xAF, 1, 0, 8, 0, 8, 0, 8, 0, 0, 0)) + bytes(112),
    "FTEX": b"FTEX",
    "GBR": b"\0\0\0\x20\0\0\0\2",
    "GRIB": b"GRIB\0\0\0\1",
    "HDF5": b"\x89HDF\r\n\x1a\n",
    "IM": b"Image type: L image\r\nImage size (x*y): 8*8\r\n" + bytes(465) + b"\x1a" + bytes(64),
    "IMT": b"10 10\n",
    "IPTC": b"\x1c\2",
    "MCIDAS": b"\0\0\0\0\0\0\0\4",
    "MPEG": b"\0\0\1\xb3",
    "PCD": bytes(2048) + b"PCD_",
    "PIXAR": b"\x80\xe8\0\0",
    "PSD": b"8BPS\0\1",
    "SUN": b"\x59\xa6\x6a\x95",
    "WMF": b"\xd7\xcd\xc6\x9a\0\0",
    "XPM": b"/* XPM */",
    "XVTHUMB": b"P7 332",
}


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The formats whose readers were asked to look at a file, or to open it."""
    seen: list[str] = []

    def spied(name: str, entry: Callable[..., object]) -> Callable[..., object]:
        def enter(*arguments: object) -> object:
            seen.append(name)
            return entry(*arguments)

        return enter

    for name, (factory, accept) in Image.OPEN.items():
        spies = (spied(name, factory), accept and spied(name, accept))
        monkeypatch.setitem(Image.OPEN, name, spies)
    return seen


def file_of(kind: str) -> bytes:
    """A file of that format: by Pillow where it can write it, else its first bytes."""
    if kind in Image.SAVE:
        for mode in MODES:
            file = io.BytesIO()
            with contextlib.suppress(Exception):  # a format has few modes, and each its own fault
                Image.new(mode, (8, 8)).save(file, kind)
                return file.getvalue()
    return BEGINNINGS[kind]


@pytest.mark.parametrize("kind", OTHERS)
def test_another_format_is_refused_without_its_decoder(kind: str, entered: list[str]) -> None:
    data = file_of(kind)
    with pytest.raises(UnreadableImageError, match="known formats"):
        decode(data, 8, 8, MAX_PIXELS)
    assert set(entered) <= set(READ)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_format_that_is_read_enters_its_decoder(kind: str, entered: list[str]) -> None:
    """The spies see what they are meant to see."""
    assert decode(picture("red", kind), 8, 8, MAX_PIXELS).shape == (8, 8, 3)
    assert kind in entered


def test_most_files_are_read_where_all_formats_are() -> None:
    """The files are of the formats that they stand for, as far as Pillow can tell at once."""
    opened = []
    for kind in OTHERS:
        with contextlib.suppress(Exception):  # of a beginning alone, a reader raises anything
            opened.append(Image.open(io.BytesIO(file_of(kind))).format)
    assert len(set(opened)) >= 20


def test_the_formats_that_are_read_are_documented() -> None:
    assert re.fullmatch(r"JPEG, PNG, WEBP, GIF, BMP", ", ".join(FORMATS))
