"""Trainer and inference share no package, and must still see the same in every image."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = sorted((Path(__file__).parent / "golden" / "images").iterdir())
LEVELS = 1  # of 255, by which decoders of different releases may differ
MAX_PIXELS = 1_000_000

# Prints, for each path on its input, the pixels in hex, or the error.
DECODE = """
import json, pathlib, sys
from PROJECT import recipes
answers = []
for path, height, width, max_pixels in json.load(sys.stdin):
    try:
        pixels = recipes.decode(pathlib.Path(path).read_bytes(), height, width, max_pixels)
        answers.append(pixels.tobytes().hex())
    except ValueError as error:
        answers.append(f"{type(error).__name__}: {error}")
print(json.dumps(answers))
"""


@pytest.mark.parametrize(("height", "width"), [(32, 32), (24, 40), (8, 8)])
def test_both_recipes_see_the_same(height: int, width: int) -> None:
    requests = [(str(path), height, width, MAX_PIXELS) for path in IMAGES]
    trainer, inference = decode("trainer", requests), decode("inference", requests)
    for path, ours, theirs in zip(IMAGES, trainer, inference, strict=True):
        seen, served = bytes.fromhex(ours), bytes.fromhex(theirs)
        assert len(seen) == len(served) == height * width * 3, path.name
        assert max(abs(a - b) for a, b in zip(seen, served, strict=True)) <= LEVELS, path.name


def test_both_recipes_refuse_the_same(tmp_path: Path) -> None:
    whole = next(path for path in IMAGES if path.name == "large.jpg")
    # A scan that begins the picture's data again, as often as only an attacker would.
    scans = whole.read_bytes()[:-2] + b"\xff\xda\x00\x02" * 200 + b"\xff\xd9"
    bad = {
        "scans.jpg": scans,
        "empty.jpg": b"",
        "text.jpg": b"no picture",
        "cut-off.jpg": whole.read_bytes()[:2000],
        "header.jpg": whole.read_bytes()[:10],
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
    requests = [(str(tmp_path / name), 32, 32, MAX_PIXELS) for name in bad]
    requests.append((str(whole), 32, 32, 1000))
    refused = decode("trainer", requests)
    assert refused == decode("inference", requests)
    assert [each.partition(":")[0] for each in refused[:-1]] == ["UnreadableImageError"] * len(bad)
    assert "scans" in refused[0]
    assert refused[-1].startswith("TooManyPixelsError")


def decode(project: str, requests: list[tuple[str, int, int, int]]) -> list[str]:
    """What a project's recipe makes of images, in that project's own environment."""
    answers: Any = json.loads(
        subprocess.run(
            [ROOT / f".nox/env_{project}/bin/python", "-c", DECODE.replace("PROJECT", project)],
            input=json.dumps(requests),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout
    )
    assert isinstance(answers, list)
    return answers
