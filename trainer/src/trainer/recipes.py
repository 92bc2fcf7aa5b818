"""From an encoded image to the pixels that a model takes.

What is trained on and what is classified must be decoded alike, so the way is a recipe with an
id of its own, which a published model's manifest names. A changed rule is a new recipe.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

STRETCH_BILINEAR = "stretch-bilinear-1"

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")

_JPEG = ("JPEG", "MPO")

_ORIENTATION = 0x0112  # EXIF 2.32, section 4.6.4
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LYING = (5, 6, 7, 8)

#: Encoders write about ten. Each costs a pass over all pixels, however few bytes it has: seen, a
#: second of decoding from 1.5 kB more.
_MOST_SCANS = 100
#: Of a JPEG, before its end; photos have some tens.
_MOST_SEGMENTS = 10_000
#: Pillow looks at some parts of a file in Python: seen, 10 s for 20 MB of bytes that fill a JPEG's
#: header. What is read once is not shorter than a byte, so that smaller files need no count.
_MOST_READS = 1_000_000
#: A search lets no other thread run until it has ended.
_PIECE = 256 * 1024
#: A marker that has a segment, or ends the image: ISO/IEC 10918-1, table B.1. Reserved ones are
#: none, as for the decoder: what would be their length could hide scans.
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd9-\xfe])")
_END_OF_IMAGE, _START_OF_SCAN = b"\xd9", b"\xda"


class UnreadableImageError(ValueError):
    """The bytes are no image of a known format, or a damaged one."""


class TooManyPixelsError(ValueError):
    """The header announces more pixels than are decoded here."""


def decode(data: bytes, height: int, width: int, max_pixels: int) -> NDArray[np.uint8]:
    """Decode by the recipe `stretch-bilinear-1`.

    Returns:
        Red, green and blue, `[height, width, 3]`.

    Raises:
        TooManyPixelsError: the image has more than `max_pixels` pixels.
        UnreadableImageError: the image is of no known format, or damaged.
    """
    return render(open_image(data, max_pixels), height, width)


def open_image(data: bytes, max_pixels: int) -> Image.Image:
    """Read the header only, so that an image too large costs nothing.

    Raises:
        TooManyPixelsError: the image has more than `max_pixels` pixels.
        UnreadableImageError: the image is of no known format, its header is damaged, or it would
            take too long.
    """
    file = BytesIO(data) if len(data) <= _MOST_READS else _CountedFile(data)
    try:
        image = Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        # Pillow's own limit, kept as a second guard: some of its readers allocate on opening.
        raise TooManyPixelsError(f"more than {max_pixels:,} pixels") from error
    except UnreadableImageError:
        raise
    except Exception as error:  # a damaged header raises anything
        raise UnreadableImageError(_unreadable(data)) from error
    if image.width * image.height > max_pixels:
        raise TooManyPixelsError(
            f"{image.width} x {image.height} pixels, more than {max_pixels:,} in all"
        )
    if image.format in _JPEG:
        _check_scans(data)
    # At once, since what a decoder does not take yet is copied with each block that follows.
    image.decodermaxblock = len(data)
    return image


def render(image: Image.Image, height: int, width: int) -> NDArray[np.uint8]:
    """Pixels of an opened image, `[height, width, 3]`: upright, opaque, stretched.

    Raises:
        UnreadableImageError: the image is damaged or cut off.
    """
    try:
        orientation = _orientation(image)
        if image.format in _JPEG:
            lying = orientation in _LYING
            # Half the saving of an exact fit, and no loss that can be seen after resizing.
            image.draft("RGB", (2 * height, 2 * width) if lying else (2 * width, 2 * height))
        image.load()
        if orientation in _UPRIGHT:
            image = image.transpose(_UPRIGHT[orientation])
        stretched = _rgb(image).resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(stretched, dtype=np.uint8)
    except Exception as error:  # damaged data raises anything
        raise UnreadableImageError("damaged or cut off") from error


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - damaged EXIF raises anything, and the picture may be sound
        return 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return _high_byte(image)
    if image.mode == "RGB" and isinstance(image.info.get("transparency"), tuple):
        # The plugin cuts 16-bit samples to their high byte, but not the transparent colour.
        colour = image.info["transparency"]
        if max(colour) > 255:  # noqa: PLR2004 - the largest 8-bit sample
            image.info["transparency"] = tuple(sample >> 8 for sample in colour)
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(layer, mask=layer)
        return paper
    return image if image.mode == "RGB" else image.convert("RGB")  # which would copy it


def _high_byte(image: Image.Image) -> Image.Image:
    samples = np.asarray(image)
    grey = (samples >> 8).astype(np.uint8)
    grey[samples == image.info.get("transparency", -1)] = 255
    return Image.fromarray(grey).convert("RGB")


def _unreadable(data: bytes) -> str:
    if not data:
        return "empty file"
    return f"no image, or damaged; known formats are {', '.join(FORMATS)}"


class _CountedFile(BytesIO):
    """A file that is not read by more pieces than a sound image has."""

    _reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads += 1
        if self._reads > _MOST_READS:
            raise UnreadableImageError(f"a file of more than {_MOST_READS:,} parts")
        return super().read(size)


def _check_scans(jpeg: bytes) -> None:
    """Count what the first image of a JPEG file is made of, without a look into it."""
    scans = segments = at = 0
    while at < len(jpeg):
        marker = _MARKER.search(jpeg, at, at + _PIECE)
        if marker is None:
            at += _PIECE - 1  # where a marker may begin
            continue
        if marker[1] == _END_OF_IMAGE:
            return
        segments += 1
        scans += marker[1] == _START_OF_SCAN
        if scans > _MOST_SCANS:
            raise UnreadableImageError(f"a JPEG of more than {_MOST_SCANS} scans")
        if segments > _MOST_SEGMENTS:
            raise UnreadableImageError(f"a JPEG of more than {_MOST_SEGMENTS:,} segments")
        at = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big")
