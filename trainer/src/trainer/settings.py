"""The trainer's settings, read once from the environment."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
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


def read_settings(
    environ: Mapping[str, str], options: Mapping[str, str] = MappingProxyType({})
) -> Settings:
    """Settings from environment variables of the same names, in capitals.

    Args:
        environ: the variables; an empty one counts as not set.
        options: what the command line gives instead, by the variable that it stands for.

    Raises:
        SettingsError: values cannot be used; the message names each as the user gave it.
    """
    defaults, values = Settings(), _Values(environ, options)
    settings = Settings(
        model_name=values.name("MODEL_NAME") or defaults.model_name,
        model_dir=Path(environ.get("MODEL_DIR") or defaults.model_dir),
        data_dir=Path(environ.get("DATA_DIR") or defaults.data_dir),
        images_dir=Path(environ.get("IMAGES_DIR") or defaults.images_dir),
        dataset=values.name("DATASET"),
        epochs=values.integer("EPOCHS", 1, 100_000),
        image_size=values.integer("IMAGE_SIZE", 8, 1024),
        seed=values.integer("SEED", 0, 2**31 - 1) or defaults.seed,
        max_pixels=values.integer("MAX_PIXELS", 1, 2**31 - 1) or defaults.max_pixels,
        log_level=values.choice("LOG_LEVEL", LOG_LEVELS) or defaults.log_level,
        log_format=values.choice("LOG_FORMAT", LOG_FORMATS) or defaults.log_format,
    )
    if values.faults:
        raise SettingsError("; ".join(values.faults))
    return settings


class _Values:
    """Reads values one by one, and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str], options: Mapping[str, str]) -> None:
        self.environ = environ
        self.options = options
        self.faults: list[str] = []

    def name(self, variable: str) -> str | None:
        value = self._given(variable)
        if value is None or NAME.fullmatch(value):
            return value
        self._refuse(
            variable,
            "1 to 64 letters, digits, dots, dashes or underscores, the first a letter or digit",
        )
        return None

    def integer(self, variable: str, least: int, most: int) -> int | None:
        value = self._given(variable)
        if value is None:
            return None
        try:
            number = int(value)
        except ValueError:
            number = least - 1
        if least <= number <= most:
            return number
        self._refuse(variable, f"a whole number from {least} to {most}")
        return None

    def choice(self, variable: str, choices: tuple[str, ...]) -> str | None:
        value = (self._given(variable) or "").lower() or None
        if value is None or value in choices:
            return value
        self._refuse(variable, f"one of {', '.join(choices)}")
        return None

    def _given(self, variable: str) -> str | None:
        """An option's value, also an empty one, or else a variable's that is not empty."""
        option = self.options.get(variable)
        return option if option is not None else self.environ.get(variable) or None

    def _refuse(self, variable: str, remedy: str) -> None:
        value = self._given(variable) or ""
        if variable in self.options:
            option = f"--{variable.lower().replace('_', '-')}"
            typed = value if re.fullmatch(r"[!-~]+", value) else repr(value)
            self.faults.append(f"{option} {typed}: use {remedy}")
        else:
            self.faults.append(f"{variable}={value!r}: use {remedy}")
