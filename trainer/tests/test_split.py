"""The split by content."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from trainer.split import SPLITS, split_of

HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(st.sets(HASHES), st.sets(HASHES))
def test_adding_images_never_moves_one(before: set[str], added: set[str]) -> None:
    splits = {each: split_of(each) for each in before}
    grown = {each: split_of(each) for each in sorted(before | added)}
    assert {each: grown[each] for each in before} == splits
    assert set(grown.values()) <= set(SPLITS)


@given(st.integers(min_value=0))
def test_shares(start: int) -> None:
    count = 2000
    hashes = (sha256(str(start + number).encode()).hexdigest() for number in range(count))
    shares = Counter(map(split_of, hashes))
    assert abs(shares["train"] / count - 0.7) < 0.06
    assert abs(shares["val"] / count - 0.1) < 0.04
    assert abs(shares["test"] / count - 0.2) < 0.05


def test_thresholds_are_fixed() -> None:
    assert split_of("b32" + "f" * 61) == "train"
    assert split_of("b34" + "0" * 61) == "val"
    assert split_of("ccb" + "f" * 61) == "val"
    assert split_of("ccd" + "0" * 61) == "test"
    assert split_of("f" * 64) == "test"
