from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

from loadtests.errors import LoadError
from loadtests.mix import read_mix
from loadtests.photos import LARGE, SMALL, read_originals, resize
from loadtests.target import MODEL_SERVER, PAGE

PHOTOS = Path(__file__).parents[1] / "photos"


def test_the_mix_is_the_same_each_time_and_as_promised() -> None:
    first, second = read_mix(PHOTOS, PAGE), read_mix(PHOTOS, PAGE)
    assert [(each.name, each.body) for each in first] == [(each.name, each.body) for each in second]
    assert Counter(each.name for each in first) == {
        "predict small": 12,
        "predict medium": 14,
        "predict large": 4,
        "predict PNG": 2,
        "predict WebP": 2,
        "predict 3 in one form": 2,
        "models": 2,
        "page": 2,
    }


def test_the_model_server_is_asked_for_no_page() -> None:
    paths = {each.path for each in read_mix(PHOTOS, MODEL_SERVER)}
    assert paths == {"/predict", "/models"}


def test_sizes_are_from_20_kb_to_megabytes() -> None:
    originals = read_originals(PHOTOS)
    small = resize(originals, SMALL)
    large = resize(originals, LARGE)
    assert all(5_000 < len(photo.content) < 50_000 for photo in small)
    assert all(1_000_000 < len(photo.content) < 20_000_000 for photo in large)
    for photo in large:
        with Image.open(io.BytesIO(photo.content)) as image:
            assert (max(image.size), image.format) == (4000, "JPEG")


def test_the_bundled_photos_are_small_and_each_has_its_licence_told() -> None:
    told = (PHOTOS / "README.md").read_text()
    paths = list(PHOTOS.glob("*.jpg"))
    assert all(f"`{path.name}`" in told for path in paths)
    assert 0 < sum(path.stat().st_size for path in paths) <= 1_500_000


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="it holds no JPEG, PNG or WebP file"):
        read_mix(tmp_path, PAGE)
    with pytest.raises(LoadError, match="name a folder of photos"):
        read_mix(tmp_path / "missing", PAGE)


@pytest.mark.parametrize("cut", [10, 5000])
def test_a_damaged_photo_is_named(tmp_path: Path, cut: int) -> None:
    (tmp_path / "cut.jpg").write_bytes((PHOTOS / "coffee.jpg").read_bytes()[:cut])
    with pytest.raises(LoadError, match=r"cut\.jpg: it cannot be read"):
        read_mix(tmp_path, PAGE)
