"""The file of thresholds."""

from __future__ import annotations

import math
import tomllib
from typing import TYPE_CHECKING

from loadtests.errors import LoadError
from loadtests.figures import FIGURES

if TYPE_CHECKING:
    from pathlib import Path


def read_thresholds(path: Path, model: str) -> dict[str, float]:
    """A model's thresholds by figure.

    Raises:
        LoadError: the file cannot be read, has nothing for the model, or has anywhere what is
            unknown, missing or no number.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise LoadError(f"--thresholds {path}: {told}") from error
    try:
        return parse_thresholds(text, model)
    except LoadError as error:
        raise LoadError(f"--thresholds {path}: {error}") from error


def parse_thresholds(text: str, model: str) -> dict[str, float]:
    """A model's thresholds from TOML; all sections are checked.

    Raises:
        LoadError: as `read_thresholds`, without the file's name.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LoadError(f"it is no TOML: {' '.join(str(error).split())}") from error
    _check_known(document, tuple(FIGURES), "[{}]")
    _check_complete(document, (model,), "[{}]")
    return {name: _section(name, section) for name, section in document.items()}[model]


def _section(model: str, section: object) -> dict[str, float]:
    if not isinstance(section, dict):
        raise LoadError(f"{model} must be a section, [{model}]")
    form = f"{{}} in [{model}]"
    _check_known(section, FIGURES[model], form)
    _check_complete(section, FIGURES[model], form)
    return {name: _threshold(f"{name} in [{model}]", section[name]) for name in FIGURES[model]}


def _check_known(found: dict[str, object], known: tuple[str, ...], form: str) -> None:
    for name in found:
        if name not in known:
            told = form.format(name if name.isprintable() else ascii(name))
            raise LoadError(f"{told} is unknown; there are {', '.join(known)}")


def _check_complete(found: dict[str, object], needed: tuple[str, ...], form: str) -> None:
    for name in needed:
        if name not in found:
            raise LoadError(f"{form.format(name)} is missing")


def _threshold(told: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise LoadError(f"{told} is {value!a:.40}; use a number")
    if not 0 <= value < math.inf:
        raise LoadError(f"{told} is {value:.40g}; use a number from 0")
    return float(value)
