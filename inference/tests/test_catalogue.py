from __future__ import annotations

from typing import cast

from conftest import GOLDEN

from inference.catalogue import Catalogue, Version
from inference.manifest import parse_manifest
from inference.model import Model

FOLDER = GOLDEN / "model" / "good" / "golden" / "2"
MANIFEST = parse_manifest((FOLDER / "manifest.json").read_bytes(), "golden", 2)
MODEL = Model(MANIFEST, cast("object", None))


def test_a_version_is_told_with_its_state() -> None:
    entry = {
        "version": 2,
        "created": "2025-01-02T00:00:00Z",
        "accuracy": 1.0,
        "labels": ["blue", "green", "red"],
        "images": 30,
    }
    found = {2: Version(MANIFEST)}
    served = Catalogue("golden", MODEL, found).listing()
    assert served == {"name": "golden", "current": 2, "versions": [entry | {"state": "serving"}]}
    waiting = Catalogue("golden", None, found).listing()
    assert waiting["versions"] == [entry | {"state": "available"}]


def test_what_could_not_be_read_is_told_with_the_reason() -> None:
    catalogue = Catalogue("golden", None, {3: Version(None, "cut off")}, fault="no volume")
    assert catalogue.manifest(3) is None
    assert catalogue.listing() == {
        "name": "golden",
        "current": None,
        "versions": [
            {
                "version": 3,
                "created": None,
                "accuracy": None,
                "labels": [],
                "images": None,
                "state": "failed",
                "reason": "cut off",
            }
        ],
        "reason": "no volume",
    }
