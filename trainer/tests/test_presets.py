"""Data known by a name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from trainer import presets
from trainer.errors import DataError
from trainer.presets import FLOWERS, find_preset
from trainer.remote import Access
from trainer.sources import open_source

if TYPE_CHECKING:
    from pathlib import Path

    from http_server import Server


def test_presets_are_found_by_their_exact_name() -> None:
    assert find_preset("flowers") is FLOWERS
    assert find_preset("./flowers") is None
    assert find_preset("Flowers") is None


@pytest.mark.usefixtures("no_waits")
def test_preset_with_other_bytes_than_known_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = server.add("/flowers.tgz", b"other bytes")
    monkeypatch.setitem(presets.PRESETS, "flowers", replace(FLOWERS, url=url))
    with pytest.raises(DataError, match=f"not {FLOWERS.sha256}"):
        open_source("flowers", Access(tmp_path, allow_private=True))
