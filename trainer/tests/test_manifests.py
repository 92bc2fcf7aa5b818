"""Manifests: CSV and JSON lines."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainer.errors import DataError
from trainer.manifests import Row, read_manifest

LETTERS = st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"])
TEXT = st.text(LETTERS, min_size=1).map(str.strip)
LABELS = TEXT.filter(bool)
PATHS = LABELS.filter(
    lambda path: (
        not path.startswith("/")
        and "\\" not in path
        and path[1:2] != ":"
        and ".." not in path.split("/")
    )
)
HASHES = st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex)
ENTRIES = st.lists(st.tuples(PATHS, LABELS, HASHES), min_size=1)


@given(ENTRIES)
def test_csv_gives_back_what_was_written(entries: list[tuple[str, str, str | None]]) -> None:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["sha256", "path", "label"])
    writer.writerows([sha256 or "", path, label] for path, label, sha256 in entries)
    rows = read_manifest("m.csv", file.getvalue().encode())
    assert [(row.path, row.label, row.sha256) for row in rows] == entries
    assert [row.line for row in rows] == list(range(2, len(entries) + 2))


@given(ENTRIES, st.booleans())
def test_json_lines_give_back_what_was_written(
    entries: list[tuple[str, str, str | None]],
    escaped: bool,  # noqa: FBT001 - hypothesis gives it by position
) -> None:
    lines = (
        json.dumps({"path": path, "label": label, "sha256": sha256}, ensure_ascii=escaped)
        for path, label, sha256 in entries
    )
    rows = read_manifest("m.jsonl", "\n".join(lines).encode())
    assert [(row.path, row.label, row.sha256) for row in rows] == entries


@given(st.binary(), st.sampled_from(["m.csv", "m.jsonl"]))
def test_any_bytes_give_rows_or_one_line(data: bytes, name: str) -> None:
    try:
        message = f"{name} has {len(read_manifest(name, data))} rows"
    except DataError as error:
        message = str(error)
    assert message.startswith(name)
    assert "\n" not in message


@given(st.text().map("path,label\n".__add__), st.text().map('{"label":"a","path":'.__add__))
def test_any_text_gives_rows_or_one_line(table: str, lines: str) -> None:
    for name, text in (("m.csv", table), ("m.jsonl", lines)):
        try:
            rows = read_manifest(name, text.encode("utf-8", "replace"))
        except DataError as error:
            rows = []
            message = str(error)
        else:
            message = ""
        assert "\n" not in message
        assert all(".." not in str(row.path).split("/") for row in rows)


def test_url_rows() -> None:
    data = (
        b"\xef\xbb\xbf label , url\r\ncat,https://h.test/1.png\r\n\r\ndog,http://h.test/2.png\r\n"
    )
    assert read_manifest("m.csv", data) == [
        Row(2, "cat", None, "https://h.test/1.png", None),
        Row(4, "dog", None, "http://h.test/2.png", None),
    ]
    assert read_manifest("m.ndjson", b'{"label": 3, "url": "https://h.test/1", "more": []}')[0] == (
        Row(1, "3", None, "https://h.test/1", None)
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.csv", "path,class\na,b", r"m\.csv line 1: no column 'label'"),
        ("m.csv", "label\na", r"m\.csv line 1: no column 'path' or 'url'"),
        ("m.csv", "", r"m\.csv line 1: no column 'label'"),
        ("m.csv", "path,label\n", "no rows"),
        ("m.csv", "path,label\na", "line 2: not as many values as columns"),
        ("m.csv", "path,label\na,b\na,b,c", "line 3: not as many values as columns"),
        ("m.csv", "path,label\na,", "line 2: no label"),
        ("m.csv", "path,label\n,b", "line 2: neither path nor url"),
        ("m.csv", "path,url,label\na,http://h/x,b", "line 2: both path and url"),
        ("m.csv", 'path,label\n"a,b', r"no valid CSV"),
        ("m.csv", "path,label\n../a,b", "line 2: the path '../a' leads out"),
        ("m.csv", "path,label\n/etc/a,b", "is absolute; write it relative to the manifest's"),
        ("m.csv", "path,label\nC:/a,b", "is absolute; write it relative to the manifest's"),
        ("m.csv", "path,label,sha256\na,b,12", "line 2: the sha256 is not 64"),
        ("m.csv", "url,label\nfile:///etc/passwd,b", "line 2: no usable http or https URL"),
        ("m.csv", "url,label\nhttp://[x,b", "line 2: no usable http or https URL"),
        ("m.jsonl", '{"path":"a"}', r"m\.jsonl line 1: no label"),
        ("m.jsonl", '{"path":"a","label":"b"}\n{', r"m\.jsonl line 2: no valid JSON"),
        ("m.jsonl", "[1]", "line 1: no JSON object"),
        ("m.jsonl", '{"path":"a","label":true}', "line 1: 'label' is no text"),
        ("m.jsonl", '{"path":"a\\u0000","label":"b"}', "control character"),
        ("m.jsonl", '{"path":"a\\ud800","label":"b"}', "'path' holds a control character"),
        ("m.jsonl", f'{{"path":"a","label":{"9" * 5000}}}', "line 1: no valid JSON"),
        ("m.jsonl", f'{{"path":"{"a" * 10**6}","label":"b"}}', "'path' has more than 4,096"),
        ("m.csv", "path,label,label\na,b,c", "line 1: two columns 'label'"),
        ("m.csv", f"path,label\na,{'b' * 200_000}", "line 2: no valid CSV"),
        ("m.csv", "path,label\na\0,b", "'path' holds a control character"),
        ("m.jsonl", "[" * 100_000, "line 1: no valid JSON"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(name: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_manifest(name, text.encode())


def test_other_encodings_are_named() -> None:
    with pytest.raises(DataError, match=r"m\.csv line 2: not UTF-8"):
        read_manifest("m.csv", "path,label\nä,b".encode("latin-1"))
