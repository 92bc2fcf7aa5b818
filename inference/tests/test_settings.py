from __future__ import annotations

from pathlib import Path

import pytest

from inference.settings import Settings, SettingsError, read_settings


def test_nothing_set_gives_the_defaults() -> None:
    assert read_settings({"MODEL_NAME": "", "PORT": ""}) == Settings()


def test_every_setting_is_read() -> None:
    assert read_settings(
        {
            "MODEL_NAME": "digits",
            "MODEL_DIR": "/m",
            "HOST": "::1",
            "PORT": "0",
            "LOG_LEVEL": "DEBUG",
            "LOG_FORMAT": "json",
            "MODEL_POLL_SECONDS": "0.5",
            "MAX_BODY_BYTES": "1000",
            "MAX_PIXELS": "64",
            "QUEUE_SIZE": "2",
        }
    ) == Settings("digits", Path("/m"), "::1", 0, "debug", "json", 0.5, 1000, 64, 2)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MODEL_NAME", "../x"),
        ("MODEL_NAME", "-x"),
        ("MODEL_DIR", "a\nb"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "٣"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("MODEL_POLL_SECONDS", "0"),
        ("MODEL_POLL_SECONDS", "nan"),
        ("MODEL_POLL_SECONDS", "soon"),
        ("MAX_BODY_BYTES", "0"),
        ("MAX_PIXELS", "1e6"),
        ("QUEUE_SIZE", "0"),
    ],
)
def test_a_bad_value_is_named_in_one_line(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({variable: value})
    assert str(caught.value).startswith(f"{variable}=")
    assert str(caught.value).isprintable()
