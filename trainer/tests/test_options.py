from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from trainer import options
from trainer.options import (
    AUGMENTATIONS,
    QUANTIZATIONS,
    Options,
    fingerprint,
    published_fingerprint,
)
from trainer.presets import PRESETS

BASE = Options(image_size=32, epochs=12)


def test_equal_data_and_options_have_one_name() -> None:
    name = fingerprint("a" * 64, BASE)
    assert name == fingerprint("a" * 64, Options(image_size=32, epochs=12))
    assert len(name) == 64
    assert int(name, 16)


@pytest.mark.parametrize("field", [each.name for each in fields(Options)])
def test_every_option_changes_the_name(field: str) -> None:
    change: dict[str, Any] = {field: getattr(BASE, field) + type(getattr(BASE, field))(1)}
    assert fingerprint("a" * 64, replace(BASE, **change)) != fingerprint("a" * 64, BASE)


@pytest.mark.parametrize("constant", ["STRETCH_BILINEAR", "__version__"])
def test_data_recipe_and_trainer_change_the_name(
    monkeypatch: pytest.MonkeyPatch, constant: str
) -> None:
    before = fingerprint("a" * 64, BASE)
    assert fingerprint("b" * 64, BASE) != before
    monkeypatch.setattr(options, constant, "other")
    assert fingerprint("a" * 64, BASE) != before


def test_a_quantised_model_has_a_name_of_its_own() -> None:
    trained = fingerprint("a" * 64, BASE)
    names = {published_fingerprint(trained, each) for each in (None, *QUANTIZATIONS)}
    assert trained in names
    assert len(names) == 1 + len(QUANTIZATIONS)
    assert {len(name) for name in names} == {64}


def test_presets_name_augmentations_that_are_there() -> None:
    assert {preset.augment for preset in PRESETS.values()} <= AUGMENTATIONS.keys()
    assert not AUGMENTATIONS["glyph"].flip
