"""Damages valid files, in an order that its seed decides."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MOST_CHANGES = 5
LONGEST_PIECE = 64
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
WIDTHS = ("<B", "<H", ">H", "<I", ">I")


class Mutator:
    """Endless mutants of a corpus."""

    def __init__(self, corpus: Sequence[bytes], seed: int) -> None:
        self._corpus = corpus
        self._random = random.Random(seed)
        self._changes: Sequence[Callable[[bytearray], None]] = (
            self._flip,
            self._set_number,
            self._overwrite,
            self._insert,
            self._delete,
            self._repeat,
            self._splice,
            self._cut,
        )

    def mutants(self, many: int) -> Iterator[bytes]:
        """So many, each of a file that is chosen anew."""
        for _ in range(many):
            data = bytearray(self._random.choice(self._corpus))
            for change in self._random.choices(
                self._changes, k=self._random.randint(1, MOST_CHANGES)
            ):
                change(data)
            yield bytes(data)

    def _piece(self, data: bytes | bytearray) -> slice:
        begin = self._random.randint(0, len(data))
        return slice(begin, begin + self._random.randint(1, LONGEST_PIECE))

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)

    def _set_number(self, data: bytearray) -> None:
        width = self._random.choice(WIDTHS)
        size = struct.calcsize(width)
        if len(data) >= size:
            number = self._random.choice(NUMBERS) % (1 << 8 * size)
            struct.pack_into(width, data, self._random.randint(0, len(data) - size), number)

    def _overwrite(self, data: bytearray) -> None:
        piece = self._piece(data)
        data[piece] = self._random.randbytes(len(data[piece]))

    def _insert(self, data: bytearray) -> None:
        piece = self._piece(data)
        data[piece.start : piece.start] = self._random.randbytes(piece.stop - piece.start)

    def _delete(self, data: bytearray) -> None:
        del data[self._piece(data)]

    def _repeat(self, data: bytearray) -> None:
        piece = self._piece(data)
        data[piece.start : piece.start] = data[piece] * self._random.randint(1, 8)

    def _splice(self, data: bytearray) -> None:
        other = self._random.choice(self._corpus)
        data[self._piece(data)] = other[self._piece(other)]

    def _cut(self, data: bytearray) -> None:
        del data[self._random.randint(0, len(data)) :]
