"""A URL's query may be as good as a password: it stays in the memory of the trainer."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from pictures import pictures

from trainer.dataset import read_dataset
from trainer.options import Options
from trainer.runs import open_run

if TYPE_CHECKING:
    from pathlib import Path

    from http_server import Handler, Server

SIGNED = "X-Amz-Credential=who&X-Amz-Signature=0f0f"
MOVED = "X-Amz-Signature=1e1e"


@pytest.fixture
def url(server: Server) -> str:
    """An archive, to which a redirect leads that is signed itself."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for label, seed in (("cat", 1000), ("dog", 2000)):
            for number, picture in enumerate(pictures(seed)):
                archive.writestr(f"{label}/{number}.png", picture)
    there = server.add("/there/pets.zip", file.getvalue())

    def lead(handler: Handler) -> None:
        handler.send(302, b"", Location=f"{there}?{MOVED}")

    return server.add("/pets.zip", lead)


def prepare(root: Path, url: str) -> subprocess.CompletedProcess[str]:
    folders = {f"{kind}_DIR": str(root / kind.lower()) for kind in ("MODEL", "DATA", "IMAGES")}
    return subprocess.run(
        [sys.executable, "-m", "trainer", "prepare", "--data", url, "--allow-private"],
        env=os.environ | folders | {"LOG_LEVEL": "debug", "LOG_FORMAT": "json"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_no_log_and_no_file_has_a_url_s_query(url: str, tmp_path: Path) -> None:
    answer = prepare(tmp_path, f"{url}?{SIGNED}")
    assert answer.returncode == 0, answer.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    kept = [*map(str, written), *(path.read_bytes().decode("latin-1") for path in written)]
    for secret in ("0f0f", "1e1e", "X-Amz"):
        assert secret not in answer.stdout + answer.stderr
        assert not any(secret in each for each in kept)


def test_another_signature_is_no_other_training(url: str, tmp_path: Path) -> None:
    fingerprints = set()
    for signature in ("0f0f", "2d2d"):
        answer = prepare(tmp_path, f"{url}?X-Amz-Signature={signature}")
        assert answer.returncode == 0, answer.stderr
        dataset = read_dataset(tmp_path / "data/pets")
        fingerprints.add(open_run(dataset, Options(image_size=8, epochs=1)).fingerprint)
    assert len(fingerprints) == 1
    assert len(list((tmp_path / "data/downloads").glob("*.zip"))) == 1


def test_what_is_refused_is_told_without_it(server: Server, tmp_path: Path) -> None:
    answer = prepare(tmp_path, server.add("/expired.zip", 403) + f"?{SIGNED}")
    assert answer.returncode == 3
    assert "/expired.zip: the server answers 403" in answer.stderr
    assert "X-Amz" not in answer.stderr
