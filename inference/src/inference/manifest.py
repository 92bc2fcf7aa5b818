"""What a version's manifest says, checked before anything relies on it.

The format is described by tests/contract/manifest.schema.json; what the service does not use is
not checked here, and keys that it does not know are passed over.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, cast

from inference.recipes import RECIPES

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT = 1
MODEL_FILE = "model.onnx"
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CREATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_SIDE = range(8, 1025)
_FEWEST_LABELS = 2
_MOST_LABELS = 20_000
_MOST_FILES = 1_000

Value = TypeVar("Value")


class RepositoryError(Exception):
    """A file of the model repository cannot be used; the message tells which and why."""


@dataclass(frozen=True, slots=True)
class File:
    """Size in bytes and SHA-256, in hex, that a file must have."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A published version.

    Attributes:
        raw: the file as it was published.
        sha256: of `raw`, in hex.
        created: time of publishing, UTC, ISO 8601.
        height: of the graph's input, in pixels; so is `width`.
        recipe: id of the way from an encoded image to that input.
        labels: the classes, in the order of the graph's output.
        accuracy: on the test split, 0 to 1.
        images: in all splits together.
        files: every file of the version but the manifest.
    """

    raw: bytes
    sha256: str
    version: int
    created: str
    height: int
    width: int
    recipe: str
    labels: tuple[str, ...]
    accuracy: float
    images: int
    files: Mapping[str, File]


@dataclass(frozen=True, slots=True)
class Pointer:
    """What current.json says: the version to serve and its manifest's SHA-256, in hex."""

    version: int
    manifest_sha256: str


def parse_pointer(raw: bytes) -> Pointer:
    """Read the contents of current.json.

    Raises:
        RepositoryError: it cannot be used.
    """
    document = read_document(raw, "current.json")
    try:
        return Pointer(
            version=_integer(document, "version", 1),
            manifest_sha256=_matching(_SHA256, _get(document, "manifest_sha256", str)),
        )
    except ValueError as error:
        raise RepositoryError(f"current.json: {error}") from error


def parse_manifest(raw: bytes, name: str, version: int) -> Manifest:
    """Read the contents of the manifest.json that lies in the folder `<name>/<version>`.

    Raises:
        RepositoryError: it cannot be used, or is not this version's.
    """
    document = read_document(raw, "manifest.json")
    try:
        _refuse_other(_get(document, "name", str), name, "name")
        _refuse_other(_get(document, "version", int), version, "version")
        image = _get(document, "input", dict)
        return Manifest(
            raw=raw,
            sha256=hashlib.sha256(raw).hexdigest(),
            version=version,
            created=_matching(_CREATED, _get(document, "created", str)),
            height=_side(image, "height"),
            width=_side(image, "width"),
            recipe=_recipe(image),
            labels=_labels(_get(document, "labels", list)),
            accuracy=_fraction(_get(document, "metrics", dict), "accuracy"),
            images=_images(_get(document, "dataset", dict)),
            files=_files(_get(document, "files", dict)),
        )
    except ValueError as error:
        raise RepositoryError(f"manifest.json: {error}") from error


def read_document(raw: bytes, file: str) -> Mapping[str, object]:
    """A JSON object of a format known here.

    Raises:
        RepositoryError: it is none.
    """
    try:
        document = json.loads(raw, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RepositoryError(f"{file} is not valid JSON") from error
    if not isinstance(document, dict):
        raise RepositoryError(f"{file} is not a JSON object")
    found = document.get("format")
    if isinstance(found, int) and found > FORMAT:
        raise RepositoryError(
            f"{file} has format {found}, newer than the {FORMAT} known here: update the service"
        )
    if isinstance(found, bool) or found != FORMAT:
        raise RepositoryError(f"{file} has no format {FORMAT}")
    return cast("Mapping[str, object]", document)


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _refuse_other(found: object, expected: object, key: str) -> None:
    if found != expected:
        raise ValueError(f"{key} is {found!r:.80}, but the folder's is {expected!r}")


def _get(document: Mapping[str, object], key: str, kind: type[Value]) -> Value:
    value = document.get(key)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{key} is missing or of the wrong type")
    return value


def _matching(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"{text!r:.80} is not of the form {pattern.pattern}")
    return text


def _integer(document: Mapping[str, object], key: str, least: int) -> int:
    number = _get(document, key, int)
    if not least <= number < 2**53:
        raise ValueError(f"{key} is out of range")
    return number


def _side(image: Mapping[str, object], key: str) -> int:
    side = _integer(image, key, _SIDE.start)
    if side not in _SIDE:
        raise ValueError(f"input {key} is {side}, not from {_SIDE.start} to {_SIDE.stop - 1}")
    return side


def _recipe(image: Mapping[str, object]) -> str:
    recipe = _get(image, "recipe", str)
    if recipe not in RECIPES:
        raise ValueError(f"recipe {recipe!r:.80} is not known here: update the service")
    return recipe


def _labels(labels: list[object]) -> tuple[str, ...]:
    known = tuple(label for label in labels if isinstance(label, str) and label)
    if len(known) != len(labels) or len(set(known)) != len(known):
        raise ValueError("labels are not all different, non-empty strings")
    if not _FEWEST_LABELS <= len(known) <= _MOST_LABELS:
        raise ValueError(f"{len(known)} labels, not {_FEWEST_LABELS} to {_MOST_LABELS}")
    if any("\ud800" <= letter <= "\udfff" for label in known for letter in label):
        raise ValueError("a label is not valid Unicode")
    return known


def _fraction(metrics: Mapping[str, object], key: str) -> float:
    value = metrics.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{key} is missing or no number")
    if not 0 <= value <= 1 or not math.isfinite(value):
        raise ValueError(f"{key} is not from 0 to 1")
    return float(value)


def _images(dataset: Mapping[str, object]) -> int:
    return sum(_integer(dataset, split, 0) for split in ("train", "val", "test"))


def _files(files: Mapping[str, object]) -> Mapping[str, File]:
    if MODEL_FILE not in files:
        raise ValueError(f"files does not list {MODEL_FILE}")
    if len(files) > _MOST_FILES:
        raise ValueError(f"files lists more than {_MOST_FILES}")
    return {_matching(FILE_NAME, name): _file(name, entry) for name, entry in files.items()}


def _file(name: str, entry: object) -> File:
    if not isinstance(entry, dict):
        raise ValueError(f"files has no size and sha256 of {name!r:.80}")
    return File(_integer(entry, "bytes", 0), _matching(_SHA256, _get(entry, "sha256", str)))
