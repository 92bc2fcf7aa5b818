"""Photos in the sizes and formats that visitors upload."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageOps, UnidentifiedImageError

from loadtests.errors import LoadError

if TYPE_CHECKING:
    from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
MOST_ORIGINALS = 6  # all are kept in memory, in every size


@dataclass(frozen=True, slots=True)
class Kind:
    """A size and format.

    Attributes:
        name: what its requests are called in a report.
        side: the longer side in pixels.
        suffix: of the file's name, which also names Pillow's format.
        quality: Pillow's, 1 to 100; no matter for PNG.
        originals: how many photos it is made of.
    """

    name: str
    side: int
    suffix: str = "jpeg"
    quality: int = 85
    originals: int = MOST_ORIGINALS


SMALL = Kind("small", 320, quality=80)
MEDIUM = Kind("medium", 1280)
LARGE = Kind("large", 4000, quality=95, originals=2)  # a phone's 12 megapixels
PNG = Kind("PNG", 640, "png", originals=2)
WEBP = Kind("WebP", 1280, "webp", originals=2)


@dataclass(frozen=True, slots=True)
class Photo:
    """An image file as it is uploaded."""

    name: str
    content_type: str
    content: bytes


def read_originals(folder: Path) -> dict[str, Image.Image]:
    """The folder's first photos by name, upright and as RGB.

    Raises:
        LoadError: there are none, or one cannot be read.
    """
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise LoadError(f"--photos {folder}: {error.strerror}; name a folder of photos") from error
    if not paths:
        raise LoadError(f"--photos {folder}: it holds no JPEG, PNG or WebP file")
    return {path.stem: _read(path) for path in paths[:MOST_ORIGINALS]}


def resize(originals: dict[str, Image.Image], kind: Kind) -> list[Photo]:
    """The photos in one size and format, enlarged where they are smaller."""
    return [
        Photo(
            f"{name}-{kind.side}.{kind.suffix}",
            f"image/{kind.suffix}",
            _encode(ImageOps.contain(image, (kind.side, kind.side)), kind),
        )
        for name, image in list(originals.items())[: kind.originals]
    ]


def _read(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        told = "no image" if isinstance(error, UnidentifiedImageError) else error
        raise LoadError(f"{path}: it cannot be read ({told}); take it away") from error


def _encode(image: Image.Image, kind: Kind) -> bytes:
    file = io.BytesIO()
    image.save(file, kind.suffix, quality=kind.quality)
    return file.getvalue()
