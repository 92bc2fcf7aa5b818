from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import pytest
from conftest import Running, picture
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from inference import sagemaker
from inference.app import create_app
from inference.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Shelf

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
PNG = {"Content-Type": "image/png"}


@pytest.fixture
def hosted(shelf: Shelf) -> Iterator[Running]:
    """An application as SageMaker has it, after the first poll."""
    app = create_app(shelf.settings(), hosted=True)
    with TestClient(app) as client:
        assert app.state.service.watcher.looked.wait(30)
        yield Running(client, app.state.service)


def base(folder: Path, *models: str) -> dict[str, str]:
    """The environment of a container with these models below the folder."""
    (folder / "model" / "lost+found").mkdir(parents=True)
    (folder / "model" / "notes.txt").touch()
    for name in models:
        (folder / "model" / name).mkdir()
        (folder / "model" / name / "current.json").touch()
    return {"SAGEMAKER_BASE_DIR": str(folder), "MODEL_DIR": "/src/model"}


def test_the_contract_decides_where_to_listen_and_what_to_serve(tmp_path: Path) -> None:
    environ = base(tmp_path, "digits")
    told = sagemaker.hosted({**environ, "LOG_LEVEL": "debug"})
    assert told["LOG_LEVEL"] == "debug"
    assert (told["HOST"], told["PORT"]) == ("0.0.0.0", "8080")  # noqa: S104 - a container's
    assert (told["MODEL_DIR"], told["MODEL_NAME"]) == (f"{tmp_path}/model", "digits")


def test_the_port_of_a_pipeline_goes_first(tmp_path: Path) -> None:
    environ = base(tmp_path, "digits") | {"PORT": "9000"}
    assert sagemaker.hosted(environ)["PORT"] == "9000"
    assert sagemaker.hosted(environ | {"SAGEMAKER_BIND_TO_PORT": "7000"})["PORT"] == "7000"


def test_a_model_can_be_chosen(tmp_path: Path) -> None:
    environ = base(tmp_path, "digits", "flowers") | {"MODEL_NAME": "flowers"}
    assert sagemaker.hosted(environ)["MODEL_NAME"] == "flowers"


@pytest.mark.parametrize(
    ("models", "told"),
    [
        ([], "has no model: pack a model's folder, with its current.json, as in `tar -C "),
        (["b", "a"], "has a, b: set MODEL_NAME to one of them"),
    ],
)
def test_what_is_not_one_model_is_told(models: list[str], told: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        sagemaker.hosted(base(tmp_path, *models))
    assert str(caught.value).startswith(f"{tmp_path}/model {told}")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"MODEL_NAME": "c"}, "MODEL_NAME='c': "),
        ({"SAGEMAKER_BIND_TO_PORT": "x"}, "SAGEMAKER_BIND_TO_PORT='x': "),
    ],
)
def test_a_setting_that_cannot_be_followed_is_named(
    wrong: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=f"^{told}"):
        sagemaker.hosted(base(tmp_path, "a", "b") | {"MODEL_NAME": "a"} | wrong)


def test_ping_is_200_only_with_a_model(shelf: Shelf, hosted: Running) -> None:
    assert hosted.client.get("/ping").status_code == 503
    assert hosted.client.post("/invocations", content=picture(), headers=PNG).status_code == 503
    shelf.publish(1)
    hosted.poll()
    assert hosted.client.get("/ping").status_code == 200


def test_invocations_are_predictions(shelf: Shelf, hosted: Running) -> None:
    shelf.publish(1)
    hosted.poll()
    answers = [
        hosted.client.post(path, content=picture(), headers=PNG).json()
        for path in ("/invocations", "/predict")
    ]
    assert answers[0]["predictions"] == answers[1]["predictions"]
    form = hosted.client.post("/invocations", files=[("file", picture()), ("file", picture())])
    assert len(form.json()["predictions"]) == 2
    counted = hosted.client.get("/metrics").text
    assert 'inference_requests_total{method="POST",route="/invocations",status="200"} 2' in counted


@pytest.mark.parametrize(
    ("attributes", "classes"),
    [("", 3), ("top_k=1", 1), ("trace=7f,\ttop_k=2 , x", 2), ("Top_K=1", 3), ("top_k", 0)],
)
def test_the_number_of_classes_is_an_attribute(
    attributes: str, classes: int, shelf: Shelf, hosted: Running
) -> None:
    shelf.publish(1)
    hosted.poll()
    answer = hosted.client.post(
        "/invocations?top_k=9", content=picture(), headers=PNG | {ATTRIBUTES: attributes}
    )
    assert answer.status_code == (200 if classes else 400)
    predictions = answer.json().get("predictions", [{"top": []}])
    assert len(predictions[0]["top"]) == classes


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_no_attribute_becomes_more_than_one_of_the_query(attributes: str) -> None:
    query = sagemaker._query(attributes).decode()  # noqa: SLF001 - all that a caller has a say in
    found = parse_qsl(query, keep_blank_values=True)
    assert {name for name, _ in found} <= {"top_k"}
    assert len(found) <= attributes.count(",") + 1


def test_the_other_routes_are_there(hosted: Running) -> None:
    assert hosted.client.get("/invocations").status_code == 405
    assert hosted.client.get("/models").status_code == 200
    assert hosted.client.get("/execution-parameters").status_code == 404
