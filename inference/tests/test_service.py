from __future__ import annotations

import asyncio
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from conftest import GOLDEN, nan_of_black, picture

from inference.model import Model

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from conftest import Shelf, Start
    from numpy.typing import NDArray
    from starlette.testclient import TestClient
    from starlette.types import Message


class Gate:
    """Holds every run of a model until it is opened, and notes which versions ran."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.opened = threading.Event(), threading.Event()
        self.versions: list[int] = []
        run = Model.probabilities

        def held(model: Model, images: NDArray[np.uint8]) -> NDArray[np.float32]:
            self.versions.append(model.manifest.version)
            self.reached.set()
            assert self.opened.wait(30)
            return run(model, images)

        monkeypatch.setattr(Model, "probabilities", held)


@pytest.fixture
def gate(shelf: Shelf, start: Start, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    del start  # its application must end after the gate was opened
    made = Gate(monkeypatch)
    made.opened.set()  # for the warm-up
    shelf.publish(1)
    yield made
    made.opened.set()


def close(gate: Gate) -> None:
    gate.opened.clear()
    gate.reached.clear()
    gate.versions.clear()


def post(client: TestClient, *colours: str) -> tuple[int, dict[str, object]]:
    files = [("file", (colour, picture(colour))) for colour in colours]
    answer = client.post("/predict", files=files)
    return answer.status_code, answer.json()


def test_without_a_model_it_lives_but_is_not_ready(start: Start) -> None:
    client = start().client
    assert client.get("/ping").json() == {"status": "ok"}
    assert client.get("/models").json()["current"] is None
    for answer in (client.get("/ready"), client.post("/predict", files={"file": picture()})):
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_model")
        assert answer.headers["retry-after"] == "5"


def test_with_a_model_it_is_ready(shelf: Shelf, start: Start) -> None:
    shelf.publish(3)
    answer = start().client.get("/ready").json()
    assert answer == {"status": "ready", "model": {"name": "golden", "version": 3}}


def test_a_form_and_a_raw_body_are_answered_alike(shelf: Shelf, start: Start) -> None:
    shelf.publish(1)
    client = start().client
    _, form = post(client, "red", "blue")
    raw = client.post("/predict?top_k=1", content=picture(), headers={"content-type": "image/png"})
    best = [prediction["top"][0]["label"] for prediction in form["predictions"]]  # type: ignore[attr-defined]
    assert best == ["red", "blue"]
    assert [prediction["filename"] for prediction in form["predictions"]] == ["red", "blue"]  # type: ignore[attr-defined]
    assert raw.json()["predictions"][0]["filename"] is None
    assert [top["label"] for top in raw.json()["predictions"][0]["top"]] == ["red"]


def test_a_file_name_that_is_no_unicode_is_given_back(shelf: Shelf, start: Start) -> None:
    shelf.publish(1)
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="\xed\xa0\x80\x00"'
        b"\r\n\r\n" + picture() + b"\r\n--b--"
    )
    for charset in ("utf-8", "utf-16", "punycode", "undefined", "zlib"):
        kind = f"multipart/form-data; boundary=b; charset={charset}"
        answer = start().client.post("/predict", content=body, headers={"content-type": kind})
        assert answer.status_code in (200, 400)


def test_published_manifests_are_given_byte_for_byte(shelf: Shelf, start: Start) -> None:
    folder = shelf.publish(1, lambda manifest: manifest.update(extra="\ud800"))
    answer = start().client.get("/models/1")
    assert answer.content == (folder / "manifest.json").read_bytes()
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("version", ["2", "0", "01", "-1", "x", "1e0", "9" * 400, "%D9%A1"])
def test_unknown_versions_are_not_found(version: str, shelf: Shelf, start: Start) -> None:
    shelf.publish(1)
    answer = start().client.get(f"/models/{version}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_training_is_passed_on(shelf: Shelf, start: Start) -> None:
    running = start()
    assert running.client.get("/training").status_code == 404
    shelf.replace("training.json", b'{"format": 1, "state": "training"}')
    running.poll()
    answer = running.client.get("/training")
    assert answer.content == b'{"format": 1, "state": "training"}'
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/", "/ping/", "/models/", "/models/1/files", "/nope", "//ping"])
def test_other_paths_are_json_404(path: str, start: Start) -> None:
    answer = start().client.get(path, follow_redirects=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/ping"), ("DELETE", "/models"), ("GET", "/predict")]
)
def test_other_methods_are_json_405(method: str, path: str, start: Start) -> None:
    answer = start().client.request(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"]


@pytest.mark.parametrize("path", ["/ping", "/models", "/metrics", "/openapi.json"])
def test_head_is_where_get_is(path: str, start: Start) -> None:
    assert start().client.head(path).status_code == 200


def test_a_body_of_exactly_the_limit_passes(shelf: Shelf, start: Start) -> None:
    shelf.publish(1)
    body, kind = picture(), {"content-type": "image/png"}
    fits = start(max_body_bytes=len(body)).client.post("/predict", content=body, headers=kind)
    client = start(max_body_bytes=len(body) - 1).client
    too_large = client.post("/predict", content=body, headers=kind)
    assert (fits.status_code, too_large.status_code) == (200, 413)
    assert too_large.json()["error"]["code"] == "too_large"


def test_answers_go_on_while_a_bad_version_is_current(shelf: Shelf, start: Start) -> None:
    shelf.publish(1)
    running = start()
    shelf.publish(2, files={"model.onnx": b"nonsense"})
    running.poll()
    assert post(running.client, "red")[0] == 200
    listing = running.client.get("/models").json()
    assert listing["current"] == 1
    assert [entry["state"] for entry in listing["versions"]] == ["failed", "serving"]


def test_a_model_that_fails_on_some_images_gives_no_500(shelf: Shelf, start: Start) -> None:
    shelf.publish(1, files={"model.onnx": nan_of_black()})
    client = start().client
    refused = client.post("/predict", files={"file": ("dark", picture("black"))})
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_fault")
    assert refused.headers["retry-after"] == "60"
    assert post(client, "orange")[0] == 200


def test_all_of_one_answer_is_by_one_version(shelf: Shelf, start: Start, gate: Gate) -> None:
    running = start()
    close(gate)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(post, running.client, *["red"] * 12)
        assert gate.reached.wait(30)
        gate.opened.set()
        shelf.publish(2)
        running.poll()
        status, answer = asked.result(30)
    assert (status, answer["model"]) == (200, {"name": "golden", "version": 1})
    assert post(running.client, "red")[1]["model"] == {"name": "golden", "version": 2}


def test_a_full_queue_sheds_load_at_once(start: Start, gate: Gate) -> None:
    running = start(queue_size=2)
    close(gate)
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(post, running.client, "red", "blue")
        assert gate.reached.wait(30)
        refused = running.client.post("/predict", files={"file": picture()})
        gate.opened.set()
        assert asked.result(30)[0] == 200
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "busy")
    assert refused.headers["retry-after"] == "1"
    assert post(running.client, "red", "blue")[0] == 200
    assert post(running.client, "red", "blue", "red")[0] == 400


def test_a_client_that_goes_away_frees_its_places(start: Start, gate: Gate) -> None:
    running = start(queue_size=1)
    close(gate)
    body: Message = {"type": "http.request", "body": picture(), "more_body": False}

    async def ask() -> list[Message]:
        sent: list[Message] = []
        given = iter([body])

        async def receive() -> Message:
            if (message := next(given, None)) is not None:
                return message
            assert await asyncio.to_thread(gate.reached.wait, 30)
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/predict",
            "query_string": b"",
            "headers": [(b"content-type", b"image/png")],
        }
        await running.client.app(scope, receive, send)
        return sent

    assert running.client.portal is not None
    assert running.client.portal.call(ask) == []
    gate.opened.set()
    assert post(running.client, "red")[0] == 200


def test_the_description_is_served(start: Start) -> None:
    assert start().client.get("/openapi.json").json()["openapi"] == "3.1.0"


def test_golden_images_of_every_kind_are_answered(shelf: Shelf, start: Start) -> None:
    shelf.publish(1)
    client = start().client
    for path in sorted((GOLDEN / "images").iterdir()):
        answer = client.post("/predict", files={"file": (path.name, path.read_bytes())})
        assert (path.name, answer.status_code) == (path.name, 200)
        assert json.loads(answer.content)["predictions"][0]["filename"] == path.name
