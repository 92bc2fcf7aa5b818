"""Files that are an image and something else, which no answer gives back."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING

import pytest

from hardening_fixtures import CORPUS
from wire import post, send

if TYPE_CHECKING:
    from inference_process import Inference

SCRIPT = b"<script>alert(document.domain)</script>"
PDF = b"%PDF-1.4\n1 0 obj\n<< /Length 9 >>\nstream\n" + SCRIPT + b"\nendstream\nendobj\n"


def image(name: str) -> bytes:
    return (CORPUS / "images" / name).read_bytes()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("index.html", SCRIPT)
    return file.getvalue()


def with_comment(jpeg: bytes, marker: bytes, content: bytes) -> bytes:
    return jpeg[:2] + b"\xff" + marker + struct.pack(">H", len(content) + 2) + content + jpeg[2:]


def javascript() -> bytes:
    """A GIF whose width reads `/*`, so that all up to `*/` is a comment to JavaScript."""
    gif = image("plain.gif")
    return gif[:6] + b"/*" + gif[8:] + b"*/=1;alert(document.domain)//"


JPEG = image("baseline.jpg")
CLASSIFIED = {
    "JPEG + ZIP": JPEG + archive(),
    "JPEG + PDF": JPEG + PDF,
    "JPEG + JPEG": JPEG + JPEG,
    "HTML in a JPEG's comment": with_comment(JPEG, b"\xfe", SCRIPT),
    "HTML in EXIF": with_comment(JPEG, b"\xe1", b"Exif\0\0" + SCRIPT),
    "a PDF in a JPEG's comment": with_comment(JPEG, b"\xfe", PDF),
    "a ZIP in a JPEG's comment": with_comment(JPEG, b"\xfe", archive()),
    "HTML in XMP": with_comment(JPEG, b"\xe1", b"http://ns.adobe.com/xap/1.0/\0" + SCRIPT),
    "PNG + ZIP": image("plain.png") + archive(),
    "PNG + HTML": image("plain.png") + SCRIPT,
    "GIF + HTML": image("plain.gif") + SCRIPT,
    "WebP + HTML": image("lossy.webp") + SCRIPT,
    "BMP + HTML": image("plain.bmp") + SCRIPT,
    "GIF + PNG": image("plain.gif") + image("plain.png"),
}
REFUSED = {
    "PDF + JPEG": PDF + JPEG,
    "ZIP + JPEG": archive() + JPEG,
    "HTML + JPEG": SCRIPT + JPEG,
    "a line + PNG": b"\n" + image("plain.png"),
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "XML with an entity": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><svg>&e;</svg>',
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
    "PDF": PDF,
    "HTML": SCRIPT,
    "a shell script": b"#!/bin/sh\nid\n",
}
EITHER = {"GIF + JavaScript": javascript()}


@pytest.mark.parametrize("name", CLASSIFIED)
def test_what_begins_as_an_image_is_that_image(inference: Inference, name: str) -> None:
    assert_judged(inference, CLASSIFIED[name], {200})


@pytest.mark.parametrize("name", REFUSED)
def test_what_begins_as_something_else_is_refused(inference: Inference, name: str) -> None:
    assert_judged(inference, REFUSED[name], {400})


@pytest.mark.parametrize("name", EITHER)
def test_what_breaks_the_image_may_be_refused(inference: Inference, name: str) -> None:
    assert_judged(inference, EITHER[name], {200, 400, 413})


def assert_judged(inference: Inference, content: bytes, statuses: set[int]) -> None:
    """Whatever type it claims; the answer is JSON in which nothing of the file is."""
    for kind in ("image/jpeg", "image/svg+xml", "application/octet-stream"):
        reply = send(inference.port, post("/predict", kind, content))
        assert reply.status in statuses
        assert reply.head["content-type"] == "application/json"
        for trace in (b"script", b"alert", b"PDF", b"ENTITY", b"passwd", b"PK\3\4"):
            assert trace not in reply.body


def test_a_file_name_is_given_back_as_text_alone(inference: Inference) -> None:
    """It is the one thing of a client's that is: in JSON, whose type no browser renders."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="<script>x.jpg"\r\n\r\n'
        + JPEG
        + b"\r\n--b--"
    )
    reply = send(inference.port, post("/predict", "multipart/form-data; boundary=b", body))
    assert reply.document["predictions"][0]["filename"] == "<script>x.jpg"
    assert reply.head["content-type"] == "application/json"
