"""Lists of labelled images: CSV with a header, or one JSON object a line."""

from __future__ import annotations

import csv
import json
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainer.errors import DataError
from trainer.urls import is_http

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

SUFFIXES = (".csv", ".jsonl", ".ndjson")

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_LETTERS = 4096  # of a value; Linux's longest path
_COLUMNS = "path or url, label and, if known, sha256"


@dataclass(frozen=True, slots=True)
class Row:
    """One image of a manifest.

    Attributes:
        line: where it stands, from 1.
        path: relative, with forward slashes, below the manifest's folder; or None.
        url: http or https; or None. Exactly one of `path` and `url` is given.
        sha256: of the image's bytes, in hexadecimal; or None.
    """

    line: int
    label: str
    path: str | None
    url: str | None
    sha256: str | None


def read_manifest(name: str, data: bytes) -> list[Row]:
    """The rows of a manifest.

    Args:
        name: its file name, whose suffix tells the format, and which messages begin with.
        data: its content, in UTF-8.

    Raises:
        DataError: a column is missing or a value cannot be used; the message names the line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise DataError(f"{name} line {line}: not UTF-8; save the manifest as UTF-8") from error
    records = (
        _csv_records(name, text) if name.lower().endswith(".csv") else _json_records(name, text)
    )
    rows = [_row(name, line, record) for line, record in records]
    if not rows:
        raise DataError(f"{name}: no rows; it needs {_COLUMNS}")
    return rows


def _csv_records(name: str, text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    reader = csv.reader(_lines(text), strict=True)
    try:
        columns = [column.strip() for column in next(reader, [])]
        _check_columns(name, columns)
        start = reader.line_num + 1
        for values in reader:
            if values and len(values) != len(columns):
                raise DataError(f"{name} line {start}: not as many values as columns")
            if values:
                yield start, dict(zip(columns, values, strict=True))
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{name} line {reader.line_num}: no valid CSV ({error})") from error


def _check_columns(name: str, columns: list[str]) -> None:
    for column in ("path", "url", "label", "sha256"):
        if columns.count(column) > 1:
            raise DataError(f"{name} line 1: two columns {column!r}; remove one")
    for needed in (("label",), ("path", "url")):
        if not set(needed) & set(columns):
            raise DataError(
                f"{name} line 1: no column {' or '.join(map(repr, needed))}; it needs {_COLUMNS}"
            )


def _json_records(name: str, text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    for line, content in enumerate(_lines(text), 1):
        if not content.strip():
            continue
        try:
            record = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{name} line {line}: no valid JSON") from error
        if not isinstance(record, dict):
            raise DataError(f"{name} line {line}: no JSON object; it needs {_COLUMNS}")
        yield line, record


def _lines(text: str) -> Iterable[str]:
    # Not splitlines(), which also breaks at characters that may stand inside a value.
    return (line + "\n" for line in text.replace("\r\n", "\n").split("\n"))


def _row(name: str, line: int, record: Mapping[str, object]) -> Row:
    place = f"{name} line {line}"
    label = _text(place, record, "label")
    path, url = _text(place, record, "path"), _text(place, record, "url")
    sha256 = _text(place, record, "sha256")
    if label is None:
        raise DataError(f"{place}: no label")
    if (path is None) == (url is None):
        raise DataError(
            f"{place}: {'neither path nor url' if path is None else 'both path and url'}; give one"
        )
    if path is not None:
        _check_path(place, path)
    if url is not None:
        _check_url(place, url)
    if sha256 is not None and not _SHA256.fullmatch(sha256.lower()):
        raise DataError(f"{place}: the sha256 is not 64 hexadecimal digits")
    return Row(line, label, path, url, sha256.lower() if sha256 else None)


def _text(place: str, record: Mapping[str, object], column: str) -> str | None:
    value = record.get(column)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise DataError(f"{place}: {column!r} is no text")
    text = str(value).strip()
    if len(text) > _MOST_LETTERS:
        raise DataError(f"{place}: {column!r} has more than {_MOST_LETTERS:,} letters")
    # Cs: halves of characters, which JSON can spell, and no file name or URL can hold.
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise DataError(f"{place}: {column!r} holds a control character")
    return text or None


def _check_path(place: str, path: str) -> None:
    if path.startswith(("/", "\\")) or path[1:2] == ":":
        raise DataError(
            f"{place}: the path {path!r} is absolute; write it relative to the manifest's folder"
        )
    if "\\" in path or ".." in path.split("/"):
        raise DataError(f"{place}: the path {path!r} leads out of the manifest's folder")


def _check_url(place: str, url: str) -> None:
    if not is_http(url):
        raise DataError(f"{place}: no usable http or https URL")
