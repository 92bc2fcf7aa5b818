"""The trainer's settings, read once from the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainer.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("auto", "text", "json")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are and how to train; `None` leaves the choice to the data's preset.

    Attributes:
        model_name: folder below `model_dir` that versions are published to.
        dataset: folder below `data_dir`; by default it is named for the source.
        epochs: passes over the training split, at most.
        image_size: height and width that images are stretched to, in pixels.
        seed: two runs on one machine with one seed give the same model.
        max_pixels: an image of more than this is refused before it is decoded.
        log_format: `auto` is readable on a terminal and JSON elsewhere.
    """

    model_name: str = "classifier"
    model_dir: Path = Path(".local/model")
    data_dir: Path = Path(".local/data")
    images_dir: Path = Path(".local/imgs")
    dataset: str | None = None
    epochs: int | None = None
    image_size: int | None = None
    seed: int = 0
    max_pixels: int = 50_000_000
    log_level: str = "info"
    log_format: str = "auto"


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables of the same names, in capitals.

    Raises:
        SettingsError: a value cannot be used; the message names the variable.
    """
    defaults = Settings()
    return Settings(
        model_name=_name(environ, "MODEL_NAME") or defaults.model_name,
        model_dir=Path(environ.get("MODEL_DIR") or defaults.model_dir),
        data_dir=Path(environ.get("DATA_DIR") or defaults.data_dir),
        images_dir=Path(environ.get("IMAGES_DIR") or defaults.images_dir),
        dataset=_name(environ, "DATASET"),
        epochs=_integer(environ, "EPOCHS", 1, 100_000),
        image_size=_integer(environ, "IMAGE_SIZE", 8, 1024),
        seed=_integer(environ, "SEED", 0, 2**31 - 1) or defaults.seed,
        max_pixels=_integer(environ, "MAX_PIXELS", 1, 2**31 - 1) or defaults.max_pixels,
        log_level=_choice(environ, "LOG_LEVEL", LOG_LEVELS) or defaults.log_level,
        log_format=_choice(environ, "LOG_FORMAT", LOG_FORMATS) or defaults.log_format,
    )


def _name(environ: Mapping[str, str], variable: str) -> str | None:
    value = environ.get(variable) or None
    if value is not None and not NAME.fullmatch(value):
        raise SettingsError(
            f"{variable}={value!r}: use 1 to 64 letters, digits, dots, dashes or underscores, "
            "the first a letter or digit"
        )
    return value


def _integer(environ: Mapping[str, str], variable: str, least: int, most: int) -> int | None:
    value = environ.get(variable)
    if not value:
        return None
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise SettingsError(f"{variable}={value!r}: use a whole number from {least} to {most}")
    return number


def _choice(environ: Mapping[str, str], variable: str, choices: tuple[str, ...]) -> str | None:
    value = (environ.get(variable) or "").lower() or None
    if value is not None and value not in choices:
        raise SettingsError(f"{variable}={value!r}: use one of {', '.join(choices)}")
    return value
