"""The confusion matrix as a picture."""

from __future__ import annotations

import itertools
import math
import unicodedata
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

INK, PAPER, FULL = (32, 33, 36), (255, 255, 255), (21, 88, 176)
MARGIN = 12
HEADING = "rows: true, columns: answered"
MOST_LETTERS = 24
MOST_NUMBERED = 30  # classes, above which a cell is too small for its count


def draw_confusion(confusion: NDArray[np.int64], names: tuple[str, ...]) -> Image.Image:
    """A square of cells, one row a true class and one column an answered class.

    Args:
        confusion: images, `[classes, classes]`.
        names: one a class.
    """
    count = len(names)
    cell = max(8, min(48, 1200 // count))
    font = ImageFont.load_default(size=max(8, min(14, cell - 2)))
    shown = [_drawable(name, number) for number, name in enumerate(names, start=1)]
    side = 2 * MARGIN + math.ceil(max(font.getlength(name) for name in shown))
    heading = ImageFont.load_default(size=12)
    top = side + 2 * MARGIN
    width = max(side + cell * count, math.ceil(heading.getlength(HEADING)) + MARGIN) + MARGIN
    image = Image.new("RGB", (width, top + cell * count + MARGIN), PAPER)
    draw = ImageDraw.Draw(image)
    draw.text((MARGIN, MARGIN), HEADING, INK, heading)
    for index, name in enumerate(shown):
        middle = cell * index + cell // 2
        draw.text((side - MARGIN // 2, top + middle), name, INK, font, anchor="rm")
        _text_upwards(image, (side + middle, top - MARGIN // 2), name, font)
    for row, column in itertools.product(range(count), repeat=2):
        corner = (side + cell * column, top + cell * row)
        share = confusion[row, column] / max(1, confusion[row].sum())
        _cell(draw, corner, cell, share)
        if count <= MOST_NUMBERED and confusion[row, column]:
            colour = PAPER if share > 0.5 else INK  # noqa: PLR2004 - half
            centre = (corner[0] + cell // 2, corner[1] + cell // 2)
            draw.text(centre, str(confusion[row, column]), colour, font, anchor="mm")
    return image


def _drawable(name: str, number: int) -> str:
    """The name, short and in letters that Pillow's own font has, else the class's number."""
    letters = unicodedata.normalize("NFKD", name)
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    if not (plain.isascii() and plain.isprintable()):
        return f"class {number}"
    return plain if len(plain) <= MOST_LETTERS else f"{plain[: MOST_LETTERS - 1]}…"


def _cell(draw: ImageDraw.ImageDraw, corner: tuple[int, int], size: int, share: float) -> None:
    fill = tuple(round(low + (high - low) * share) for low, high in zip(PAPER, FULL, strict=True))
    box = (*corner, corner[0] + size, corner[1] + size)
    draw.rectangle(box, fill=fill, outline=(218, 220, 224))


def _text_upwards(
    image: Image.Image,
    end: tuple[int, int],
    text: str,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    width, height = int(font.getlength(text)) + 1, math.ceil(font.getbbox(text)[3]) + 4
    label = Image.new("RGB", (width, height), PAPER)
    ImageDraw.Draw(label).text((0, height // 2), text, INK, font, anchor="lm")
    turned = label.rotate(90, expand=True)
    image.paste(turned, (end[0] - height // 2, end[1] - width))
