from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import SettingsError
from trainer.settings import Settings, read_settings


@pytest.mark.parametrize("value", [None, ""])
def test_defaults(value: str | None) -> None:
    names = ("MODEL_NAME", "MODEL_DIR", "DATASET", "EPOCHS", "SEED", "MAX_PIXELS", "LOG_LEVEL")
    environ = {} if value is None else dict.fromkeys(names, value)
    assert read_settings(environ) == Settings()
    assert Settings().model_dir == Path(".local/model")


def test_every_variable_is_read() -> None:
    environ = {
        "MODEL_NAME": "a.b-c_9",
        "MODEL_DIR": "/m",
        "DATA_DIR": "/d",
        "IMAGES_DIR": "/i",
        "DATASET": "pets",
        "EPOCHS": "7",
        "IMAGE_SIZE": "64",
        "SEED": "3",
        "MAX_PIXELS": "99",
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": "json",
        "OTHER": "x",
    }
    assert read_settings(environ) == Settings(
        model_name="a.b-c_9",
        model_dir=Path("/m"),
        data_dir=Path("/d"),
        images_dir=Path("/i"),
        dataset="pets",
        epochs=7,
        image_size=64,
        seed=3,
        max_pixels=99,
        log_level="debug",
        log_format="json",
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MODEL_NAME", "a/b"),
        ("MODEL_NAME", ".."),
        ("MODEL_NAME", "x" * 65),
        ("MODEL_NAME", "a\n"),
        ("DATASET", "-x"),
        ("EPOCHS", "0"),
        ("EPOCHS", "100001"),
        ("EPOCHS", "1.5"),
        ("EPOCHS", "many\nlines"),
        ("EPOCHS", "9" * 5000),
        ("IMAGE_SIZE", "7"),
        ("IMAGE_SIZE", "1025"),
        ("SEED", "-1"),
        ("SEED", str(2**31)),
        ("MAX_PIXELS", "0"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
    ],
)
def test_a_bad_value_is_named_in_one_line(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({variable: value})
    assert str(caught.value).startswith(f"{variable}=")
    assert ": use " in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("EPOCHS", "many", "--epochs many: use a whole number from 1 to 100000"),
        ("IMAGE_SIZE", "", "--image-size '': use a whole number from 8 to 1024"),
        ("DATASET", "a\nb", r"--dataset 'a\nb': use 1 to 64 letters"),
        ("MODEL_NAME", "../x", "--model-name ../x: use 1 to 64 letters"),
    ],
)
def test_an_option_is_named_as_it_was_typed(variable: str, value: str, told: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(told)}"):
        read_settings({variable: "64"}, {variable: value})


def test_all_bad_values_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({"EPOCHS": "x", "SEED": "1", "LOG_LEVEL": "loud"}, {"SEED": "-1"})
    assert str(caught.value) == (
        "EPOCHS='x': use a whole number from 1 to 100000; "
        "--seed -1: use a whole number from 0 to 2147483647; "
        "LOG_LEVEL='loud': use one of debug, info, warning, error"
    )


@pytest.mark.parametrize(
    ("variable", "field", "least", "most"),
    [
        ("EPOCHS", "epochs", 1, 100_000),
        ("IMAGE_SIZE", "image_size", 8, 1024),
        ("SEED", "seed", 0, 2**31 - 1),
        ("MAX_PIXELS", "max_pixels", 1, 2**31 - 1),
    ],
)
def test_bounds_are_allowed(variable: str, field: str, least: int, most: int) -> None:
    for number in (least, most):
        assert getattr(read_settings({variable: str(number)}), field) == number


@given(st.dictionaries(st.sampled_from(["EPOCHS", "DATASET", "LOG_LEVEL", "SEED"]), st.text()))
def test_any_text_is_taken_or_refused(environ: dict[str, str]) -> None:
    try:
        read_settings(environ)
    except SettingsError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - it need not be raised
