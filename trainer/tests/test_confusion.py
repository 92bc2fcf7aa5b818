from __future__ import annotations

import numpy as np
import pytest

from trainer.confusion import FULL, PAPER, draw_confusion


def names(count: int) -> tuple[str, ...]:
    return tuple(f"class {number}" for number in range(count))


def cells(image: np.ndarray, count: int, side: int) -> np.ndarray:
    """A pixel near the corner of each cell, `[count, count, 3]`; a margin of 12 is around them."""
    height, width = image.shape[:2]
    start = np.array([height - 12 - count * side, width - 12 - count * side]) + 2
    rows = start[0] + side * np.arange(count)
    columns = start[1] + side * np.arange(count)
    found: np.ndarray = image[rows[:, None], columns]
    return found


@pytest.mark.parametrize(("count", "side"), [(3, 48), (5, 48), (40, 30)])
def test_right_answers_are_dark_and_no_answers_white(count: int, side: int) -> None:
    image = np.asarray(draw_confusion(7 * np.eye(count, dtype=np.int64), names(count)))
    found = cells(image, count, side)
    for row in range(count):
        for column in range(count):
            assert tuple(found[row, column]) == (FULL if row == column else PAPER)


def test_shades_are_shares_of_the_true_class() -> None:
    confusion = np.array([[30, 10, 0], [1, 3, 0], [0, 0, 0]])
    found = cells(np.asarray(draw_confusion(confusion, names(3))), 3, 48)
    assert (found[0] == found[1][[1, 0, 2]]).all()
    assert tuple(found[2, 2]) == PAPER


def test_rows_are_true_and_columns_answered() -> None:
    confusion = np.array([[0, 9, 0], [0, 9, 0], [0, 0, 9]])
    found = cells(np.asarray(draw_confusion(confusion, names(3))), 3, 48)
    assert (tuple(found[0, 1]), tuple(found[1, 0])) == (FULL, PAPER)


@pytest.mark.parametrize("count", [2, 10, 40, 300])
def test_the_picture_stays_of_a_size(count: int) -> None:
    image = draw_confusion(np.ones((count, count), np.int64), names(count))
    assert image.mode == "RGB"
    assert count * 8 < image.width <= image.height + 100
    assert image.height < 2600


@pytest.mark.parametrize(
    "name", ["x" * 500, "蒲公英", "Ünïcödé gÿpj", "🌹", "a\nb", "\ud800", "", "\u202e", "i" * 24]
)
def test_any_name_can_be_drawn(name: str) -> None:
    image = draw_confusion(np.eye(2, dtype=np.int64), (name, "other"))
    assert image.width < 500


def test_accents_are_left_out_and_other_scripts_are_numbered() -> None:
    def drawn(*labels: str) -> bytes:
        return draw_confusion(np.eye(2, dtype=np.int64), labels).tobytes()

    assert drawn("Ü", "b") == drawn("U", "b")
    assert drawn("Ü", "b") != drawn("V", "b")
    assert drawn("a", "蒲公英") == drawn("a", "class 2")
    assert drawn("x" * 25, "b") == drawn("x" * 30, "b") != drawn("x" * 24, "b")
