from __future__ import annotations

import asyncio
import io
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from conftest import GOLDEN, nan_of_black, picture
from PIL import Image

from inference.errors import (
    BadRequestError,
    BusyError,
    ModelFaultError,
    NotAnImageError,
    TooLargeError,
)
from inference.manifest import parse_manifest
from inference.metrics import Metrics
from inference.model import load
from inference.prediction import Predictor, parse_top_k
from inference.settings import Settings
from inference.uploads import Upload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inference.model import Model

FOLDER = GOLDEN / "model" / "good" / "golden" / "2"
METRICS = Metrics()


@pytest.fixture(scope="module")
def model() -> Model:
    manifest = parse_manifest((FOLDER / "manifest.json").read_bytes(), "golden", 2)
    return load((FOLDER / "model.onnx").read_bytes(), manifest, 1)


@pytest.fixture
def predictor() -> Iterator[Predictor]:
    made = Predictor(Settings(queue_size=3, max_pixels=1000), METRICS, 2)
    yield made
    made.close()


def ask(
    predictor: Predictor, model: Model, uploads: Sequence[Upload], top_k: int = 1
) -> dict[str, object]:
    return asyncio.run(predictor.answer(model, "golden", uploads, top_k))


def classes(answer: dict[str, object]) -> list[str]:
    predictions = answer["predictions"]
    assert isinstance(predictions, list)
    return [prediction["top"][0]["label"] for prediction in predictions]


def test_each_image_gets_its_own_answer_in_order(predictor: Predictor, model: Model) -> None:
    colours = ["red", "blue", "red"]
    answer = ask(predictor, model, [Upload(name, picture(name)) for name in colours])
    assert classes(answer) == colours
    assert answer["model"] == {"name": "golden", "version": 2}


def variants() -> dict[str, bytes]:
    red = Image.new("RGB", (20, 10), "red")
    clear = Image.new("RGBA", (20, 10), (0, 0, 255, 0))
    clear.paste((255, 0, 0, 255), (0, 0, 10, 10))
    lying = Image.Exif()
    lying[0x0112] = 6
    return {
        "cmyk": encode(red.convert("CMYK"), "JPEG"),
        "palette": encode(red.quantize(4), "PNG"),
        "alpha": encode(clear, "PNG"),
        "exif": encode(red, "JPEG", exif=lying),
        "animation": encode(red, "GIF", save_all=True, append_images=[Image.new("RGB", red.size)]),
        "webp": encode(red, "WEBP"),
    }


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", variants())
def test_every_kind_of_red_picture_is_red(kind: str, predictor: Predictor, model: Model) -> None:
    assert classes(ask(predictor, model, [Upload(None, variants()[kind])])) == ["red"]


@pytest.mark.parametrize("mode", ["L", "I;16"])
def test_grey_pictures_are_no_colour_more_than_another(
    mode: str, predictor: Predictor, model: Model
) -> None:
    shade = np.full((4, 4), 128 if mode == "L" else 128 * 256, "u1" if mode == "L" else "u2")
    grey = encode(Image.fromarray(shade), "PNG")
    answer = ask(predictor, model, [Upload(None, grey)], 3)
    assert {entry["probability"] for entry in answer["predictions"][0]["top"]} == {0.333333}  # type: ignore[index]


def test_as_many_classes_as_asked_for_the_best_first(predictor: Predictor, model: Model) -> None:
    for top_k, expected in ((1, 1), (2, 2), (9, 3)):
        answer = ask(predictor, model, [Upload("a", picture("orange"))], top_k)
        top = answer["predictions"][0]["top"]  # type: ignore[index]
        assert [entry["label"] for entry in top] == ["red", "green", "blue"][:expected]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (None, "the image: "),
        ("bad\n.jpg", r"'bad\\n.jpg': "),
        ("ä\u202e", r"'\\xe4\\u202e': "),
        ("x" * 200, f"'{'x' * 80}...': "),
    ],
)
def test_the_bad_image_among_good_ones_is_named(
    name: str | None, told: str, predictor: Predictor, model: Model
) -> None:
    uploads = [Upload("good.png", picture()), Upload(name, b"text")]
    with pytest.raises(NotAnImageError, match=rf"^{told}"):
        ask(predictor, model, uploads)


def test_too_many_pixels_are_refused(predictor: Predictor, model: Model) -> None:
    huge = encode(Image.new("1", (1000, 2)), "PNG")
    with pytest.raises(TooLargeError, match=r"^'huge\.png': 1000 x 2"):
        ask(predictor, model, [Upload("huge.png", huge)])


def test_more_images_than_the_queue_takes_are_refused(predictor: Predictor, model: Model) -> None:
    with pytest.raises(BusyError):
        ask(predictor, model, [Upload(None, picture())] * 4)
    assert "inference_queue_images 0.0" in METRICS.text().decode()
    assert classes(ask(predictor, model, [Upload(None, picture())] * 3)) == ["red"] * 3


def test_a_model_that_gives_no_probabilities_for_some_images_is_told_of(
    predictor: Predictor, model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = load(nan_of_black(), model.manifest, 1)
    with pytest.raises(ModelFaultError, match=r"^'dark': version 2 of the model fails on it$"):
        ask(predictor, faulty, [Upload("dark", picture("black"))])
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.__dict__["fields"]["version"] == 2
    assert classes(ask(predictor, faulty, [Upload(None, picture("orange"))])) == ["red"]


def test_a_graph_that_fails_on_an_image_is_told_of(
    predictor: Predictor, model: Model, caplog: pytest.LogCaptureFixture
) -> None:
    faulty = replace(model, manifest=replace(model.manifest, height=4))
    with pytest.raises(ModelFaultError, match=r"^the image: version 2 of the model fails on it$"):
        ask(predictor, faulty, [Upload(None, picture())])
    assert "invalid dimensions for input: image" in caplog.records[0].__dict__["fields"]["reason"]


@pytest.mark.parametrize(("values", "top_k"), [([], 5), (["1"], 1), (["007"], 7), (["999"], 999)])
def test_top_k_is_a_whole_number(values: list[str], top_k: int) -> None:
    assert parse_top_k(values) == top_k


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "", "x", "٣", "1" * 5000, "+1", " 1"])
def test_another_top_k_is_refused(value: str) -> None:
    with pytest.raises(BadRequestError):
        parse_top_k([value])
    with pytest.raises(BadRequestError):
        parse_top_k(["1", "1"])
