"""Reading images in parallel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pictures import picture
from small_volume import small_volume

from trainer.errors import TemporaryError
from trainer.reading import Reader, read_in_order
from trainer.sources import Item

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def test_order_is_kept_and_little_is_read_ahead(tmp_path: Path) -> None:
    taken = []

    def items() -> Iterator[Item]:
        for number in range(200):
            taken.append(number)
            yield Item(str(number), None, lambda: picture(7), held=2**20)

    results = read_in_order(Reader(tmp_path, (8, 8), 10**6, {}), items(), 2)
    record, pixels = next(results)
    assert record.name == "0"
    assert pixels is not None
    # Five batches of five megabytes, however many the items.
    assert len(taken) == 25
    assert [record.name for record, _ in results] == [str(number) for number in range(1, 200)]


def test_one_original_is_written_once(tmp_path: Path) -> None:
    reader = Reader(tmp_path, (8, 8), 10**6, {})
    items = [Item(str(number), None, lambda: picture(7)) for number in range(40)]
    paths = {record.path for record, _ in read_in_order(reader, items, 2)}
    (original,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert {original.relative_to(tmp_path).as_posix()} == paths
    assert original.read_bytes() == picture(7)
    assert original.stem[:2] == original.parent.name


def test_half_written_original_is_written_again(tmp_path: Path) -> None:
    reader = Reader(tmp_path, (8, 8), 10**6, {})
    item = Item("a", None, lambda: picture(7))
    path = tmp_path / reader.read(item)[0].path
    path.write_bytes(b"half")
    reader.read(item)
    assert path.read_bytes() == picture(7)


def test_original_for_which_there_is_no_room_leaves_nothing(tmp_path: Path) -> None:
    with small_volume(tmp_path / "volume") as volume:
        reader = Reader(volume, (8, 8), 10**6, {})
        with pytest.raises(TemporaryError, match="full disk"):
            reader.read(Item("a", None, lambda: picture(7, "BMP", 400)))
        assert not [path for path in volume.rglob("*") if path.is_file()]


def test_file_that_cannot_be_read_is_unreadable(tmp_path: Path) -> None:
    reader = Reader(tmp_path, (8, 8), 10**6, {})
    record, pixels = reader.read(Item("a", "b", (tmp_path / "gone").read_bytes))
    assert (record.kind, record.sha256, pixels) == ("unreadable", None, None)
    assert record.reason == "No such file or directory"
