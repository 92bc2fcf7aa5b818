"""The bundled digits."""

from __future__ import annotations

import hashlib
from io import BytesIO

import numpy as np
from PIL import Image

from trainer.digits import encode_png, read_digits

# Every PNG and label: the same on every platform, or images would change splits between them.
GOLDEN = "571b9d17cddce1672f7d16447c23c147da349409e6dc90cd4a8cd495a4e9a311"


def test_the_same_bytes_everywhere() -> None:
    digits = list(read_digits())
    assert len(digits) == 1797
    assert {label for _, label, _ in digits} == set("0123456789")
    whole = hashlib.sha256()
    for _, label, data in digits:
        whole.update(label.encode() + data)
    assert whole.hexdigest() == GOLDEN


def test_dark_ink_on_white_paper() -> None:
    _, label, data = next(read_digits())
    with Image.open(BytesIO(data)) as image:
        pixels = np.asarray(image)
    assert label == "0"
    assert pixels.shape == (8, 8)
    assert pixels[0, 0] == 255
    assert pixels.min() < 32


def test_png_holds_the_pixels() -> None:
    grey = np.arange(15, dtype=np.uint8).reshape(3, 5)
    with Image.open(BytesIO(encode_png(grey))) as image:
        image.verify()
    with Image.open(BytesIO(encode_png(grey))) as image:
        assert np.array_equal(np.asarray(image), grey)
