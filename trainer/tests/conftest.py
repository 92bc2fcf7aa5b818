"""What several test files use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import stamina
from http_server import run_server
from pictures import fill, pictures

from trainer.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from http_server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with run_server() as running:
        yield running


@pytest.fixture
def no_waits() -> Iterator[None]:
    """Retries as often as ever, without waiting in between."""
    with stamina.set_testing(True, attempts=5):
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", images_dir=tmp_path / "imgs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of 20 pictures each."""
    fill(tmp_path / "pets", "cat", pictures(1000))
    fill(tmp_path / "pets", "dog", pictures(2000))
    return tmp_path / "pets"
