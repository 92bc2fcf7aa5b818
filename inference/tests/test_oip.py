from __future__ import annotations

import base64
import gzip
import json
import struct
import threading
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from conftest import picture
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from inference import oip
from inference.infer_request import read_request

if TYPE_CHECKING:
    import httpx2
    from conftest import Running, Shelf, Start
    from numpy.typing import NDArray
    from starlette.testclient import TestClient

MODEL = "/v2/models/golden"
RED = np.zeros((1, 8, 8, 3), np.uint8) + np.array([255, 0, 0], np.uint8)


@pytest.fixture
def running(shelf: Shelf, start: Start) -> Running:
    shelf.publish(2)
    return start(queue_size=4, max_body_bytes=100_000)


@pytest.fixture
def client(running: Running) -> TestClient:
    return running.client


def body(
    values: NDArray[np.generic] = RED,
    *,
    nested: bool = True,
    datatype: str = "UINT8",
    **more: object,
) -> bytes:
    data = values.tolist() if nested else values.ravel().tolist()
    tensor = {"name": "image", "datatype": datatype, "shape": [*values.shape], "data": data}
    return json.dumps({"inputs": [tensor], **more}).encode()


def with_tail(
    shape: tuple[int, ...], datatype: str, tail: bytes, **more: object
) -> tuple[bytes, dict[str, str]]:
    parameters = {"binary_data_size": len(tail)}
    tensor = {"name": "image", "datatype": datatype, "shape": shape, "parameters": parameters}
    head = json.dumps({"inputs": [tensor], **more}).encode()
    return head + tail, {"inference-header-content-length": str(len(head))}


def infer(
    client: TestClient, content: bytes, headers: dict[str, str] | None = None, path: str = MODEL
) -> httpx2.Response:
    return client.post(f"{path}/infer", content=content, headers=headers or {})


def rows(answer: httpx2.Response) -> NDArray[np.float32]:
    """The probabilities in an answer, however they are written."""
    assert answer.status_code == 200, answer.text
    length = int(answer.headers.get("inference-header-content-length", len(answer.content)))
    tensor = json.loads(answer.content[:length])["outputs"][0]
    values = (
        np.array(tensor["data"], np.float32)
        if "data" in tensor
        else np.frombuffer(answer.content[length:], "<f4")
    )
    return values.reshape(tensor["shape"])


def refused(answer: httpx2.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    document = answer.json()
    assert [*document] == ["error"]
    assert isinstance(document["error"], str)
    return str(document["error"])


def pngs(images: NDArray[np.uint8]) -> list[bytes]:
    files = [BytesIO() for _ in images]
    for file, image in zip(files, images, strict=True):
        Image.fromarray(image).save(file, "PNG")
    return [file.getvalue() for file in files]


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_form_of_an_image_is_answered_as_by_predict(
    client: TestClient, seed: int, count: int
) -> None:
    values = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3), np.uint8)
    floats, encoded = values.astype("<f4"), pngs(values)
    texts = np.array([base64.b64encode(each).decode() for each in encoded])
    packed = b"".join(struct.pack("<I", len(each)) + each for each in encoded)
    binary: dict[str, Any] = {"parameters": {"binary_data_output": True}}
    answers = [
        infer(client, body(values)),
        infer(client, body(values, nested=False, **binary)),
        infer(client, body(floats, datatype="FP32")),
        infer(client, *with_tail(values.shape, "UINT8", values.tobytes())),
        infer(client, *with_tail(values.shape, "FP32", floats.tobytes(), **binary)),
        infer(client, body(texts, datatype="BYTES")),
        infer(client, *with_tail((count, 1), "BYTES", packed, **binary)),
    ]
    for answer in answers:
        np.testing.assert_allclose(rows(answer), rows(answers[0]), rtol=1e-5, atol=1e-7)
    predicted = client.post("/predict?top_k=3", files=[("file", each) for each in encoded]).json()
    for row, prediction in zip(rows(answers[0]), predicted["predictions"], strict=True):
        told = {top["label"]: top["probability"] for top in prediction["top"]}
        found = dict(zip(("blue", "green", "red"), row.tolist(), strict=True))
        assert told == pytest.approx(found, abs=1e-6)


def test_an_image_alone_is_answered(client: TestClient) -> None:
    answer = infer(client, RED.tobytes(), {"inference-header-content-length": "0"})
    assert rows(answer).argmax(1).tolist() == [2]
    assert answer.headers["content-type"] == "application/octet-stream"


def test_the_best_classes_are_named(client: TestClient) -> None:
    wanted = {"name": "probabilities", "parameters": {"classification": 1}}
    answer = infer(client, body(outputs=[wanted], id="7")).json()
    assert answer == {
        "model_name": "golden",
        "model_version": "2",
        "id": "7",
        "outputs": [
            {
                "name": "probabilities",
                "datatype": "BYTES",
                "shape": [1, 1],
                "data": ["0.999330:2:red"],
            }
        ],
    }


@pytest.mark.parametrize("slash", ["", "/"])
def test_every_path_is_there_with_and_without_version_and_slash(
    slash: str, client: TestClient
) -> None:
    server = client.get(f"/v2{slash}").json()
    assert server["extensions"] == ["binary_tensor_data", "classification"]
    assert client.get(f"/v2/health/live{slash}").json() == {"live": True}
    assert client.get(f"/v2/health/ready{slash}").json() == {"ready": True}
    for path in (MODEL, f"{MODEL}/versions/2"):
        metadata = client.get(f"{path}{slash}").json()
        assert metadata["versions"] == ["2"]
        assert metadata["inputs"][0]["shape"] == [-1, 8, 8, 3]
        assert metadata["outputs"][0]["shape"] == [-1, 3]
        assert client.get(f"{path}/ready{slash}").json() == {"name": "golden", "ready": True}
        answer = client.post(f"{path}/infer{slash}", content=body())
        assert rows(answer).argmax(1).tolist() == [2]


@pytest.mark.parametrize(
    "path",
    [
        *(f"{MODEL}/versions/{version}" for version in ("1", "3", "02", "x", "%D9%A2", "9" * 999)),
        "/v2/models/other",
        "/v2/models/other/versions/2",
        "/v2/models/Golden",
    ],
)
def test_other_models_and_versions_are_not_found(path: str, client: TestClient) -> None:
    told = [
        refused(client.get(path), 404),
        refused(client.get(f"{path}/ready"), 404),
        refused(infer(client, body(), path=path), 404),
        refused(infer(client, b"no JSON", path=path), 404),
    ]
    assert len({*told}) == 1
    assert "version 2 is" in told[0] or "'golden' is served" in told[0]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/", 200),
        ("GET", "/v2//", 404),
        ("GET", "/v2/none", 404),
        ("GET", "/v2/models", 404),
        ("GET", f"{MODEL}/config", 404),
        ("GET", f"{MODEL}/versions", 404),
        ("GET", f"{MODEL}/infer", 405),
        ("DELETE", MODEL, 405),
        ("POST", f"{MODEL}/ready/", 405),
        ("POST", "/v2", 405),
        ("PUT", "/v2/health/live", 405),
    ],
)
def test_what_is_not_there_is_told_in_the_protocols_way(
    method: str, path: str, status: int, client: TestClient
) -> None:
    answer = client.request(method, path)
    if status != 200:
        refused(answer, status)
    assert answer.status_code == status
    assert (status == 405) == ("allow" in answer.headers)


def test_without_a_model_it_is_told_why(shelf: Shelf, start: Start) -> None:
    running = start()
    client = running.client
    assert client.get("/v2").status_code == client.get("/v2/health/live").status_code == 200
    shelf.publish(3, files={"model.onnx": b"x"})
    for told in ("no model is loaded yet", "no model is loaded yet; version 3: model.onnx"):
        for answer in (
            client.get("/v2/health/ready"),
            client.get(MODEL),
            client.get(f"{MODEL}/ready"),
            client.get(f"{MODEL}/versions/3"),
            infer(client, body()),
        ):
            assert refused(answer, 503).startswith(told)
            assert answer.headers["retry-after"] == "5"
        running.poll()


def test_a_version_that_failed_is_told_of(shelf: Shelf, running: Running) -> None:
    client = running.client
    assert "parameters" not in client.get(MODEL).json()
    shelf.publish(3, files={"model.onnx": b"x"})
    running.poll()
    metadata = client.get(MODEL).json()
    assert metadata["versions"] == ["2"]
    (fault,) = metadata["parameters"]["faults"].items()
    assert fault[0] == "3"
    assert fault[1].startswith("model.onnx cannot be loaded")
    assert refused(client.get(f"{MODEL}/versions/3"), 404) == f"version '3' failed: {fault[1]}"
    shelf.replace("current.json", b"x")
    running.poll()
    assert "repository" in client.get(MODEL).json()["parameters"]["faults"]


def test_more_images_than_the_service_takes_are_refused(
    client: TestClient, running: Running
) -> None:
    assert "N from 1 to 4" in refused(infer(client, body(RED.repeat(5, 0))), 400)
    places = running.service.predictor._queue  # noqa: SLF001 - taken as by other requests
    places.taken = 1
    answer = infer(client, body(RED.repeat(4, 0)))
    refused(answer, 503)
    assert answer.headers["retry-after"] == "1"
    places.taken = 0
    assert len(rows(infer(client, body(RED.repeat(4, 0))))) == 4


def test_a_bad_image_is_named(client: TestClient) -> None:
    texts = [base64.b64encode(each).decode() for each in (picture(), b"x")]
    told = refused(infer(client, body(np.array(texts), datatype="BYTES")), 400)
    assert told.startswith("'image[1]': no image")


@pytest.mark.parametrize("kind", ["image/png", "multipart/form-data; boundary=x"])
def test_an_image_that_no_length_comes_with_is_refused_for_that(
    kind: str, client: TestClient
) -> None:
    answer = client.post(f"{MODEL}/infer", content=picture(), headers={"content-type": kind})
    assert "0 is for an image's bytes alone" in refused(answer, 400)


@pytest.mark.parametrize("length", ["-1", "x", "", "1.0", "99999", "9" * 400, "+5", "٣"])
def test_a_length_that_cannot_be_is_refused(length: str, client: TestClient) -> None:
    headers = {b"inference-header-content-length": length.encode()}
    answer = client.post(f"{MODEL}/infer", content=body(), headers=headers)
    assert "Inference-Header-Content-Length" in refused(answer, 400)


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"x" * 100_001, {}, 413),
        (gzip.compress(bytes(1_000_000)), {"content-encoding": "gzip"}, 413),
        (b"[" * 90_000, {}, 413),
        (b"[" * 60_000, {}, 400),
        (b'{"a":' * 10_000, {}, 400),
        (b'{"inputs":[{"data":[' + b"[" * 90_000, {}, 400),
        (body(RED.astype(float) * 1e300), {}, 400),
        (body()[:-1], {}, 400),
        (body().replace(b"255", b"NaN"), {}, 400),
        (body().replace(b"255", b"1e999"), {}, 400),
        (body().replace(b"[1, 8", b"[4611686018427387904, 8"), {}, 400),
        (b"", {}, 400),
        (body(), {"content-encoding": "gzip"}, 400),
        (body(), {"content-encoding": "br"}, 415),
    ],
)
def test_bombs_are_refused_and_leave_nothing_behind(
    content: bytes, headers: dict[str, str], status: int, running: Running
) -> None:
    refused(infer(running.client, content, headers), status)
    assert running.service.bodies.taken == 0
    assert rows(infer(running.client, body())).argmax(1).tolist() == [2]


def test_what_json_needs_beside_the_body_is_counted(running: Running) -> None:
    bodies = running.service.bodies
    bodies.taken = bodies.size - 3 * len(body())
    assert "too much is being worked on" in refused(infer(running.client, body()), 503)
    assert rows(infer(running.client, *with_tail(RED.shape, "UINT8", RED.tobytes()))).size


@pytest.mark.parametrize("accepted", ["gzip", "deflate", "identity", "br"])
def test_a_long_answer_is_compressed_if_that_is_wished(accepted: str, client: TestClient) -> None:
    name = "x" * 5000
    answer = infer(client, body(id=name), {"accept-encoding": accepted})
    assert answer.json()["id"] == name
    assert (answer.headers.get("content-encoding") == accepted) == (accepted in {"gzip", "deflate"})
    assert (int(answer.headers["content-length"]) < 5000) == (accepted in {"gzip", "deflate"})


def test_a_large_body_is_read_beside_other_requests(
    shelf: Shelf, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.publish(2)
    client = start().client
    reached, opened, read = threading.Event(), threading.Event(), read_request

    def held(*arguments: Any) -> Any:  # noqa: ANN401 - passed on
        reached.set()
        assert opened.wait(30)
        return read(*arguments)

    monkeypatch.setattr(oip, "read_request", held)
    content = json.dumps(json.loads(body()), indent=200).encode()
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(infer, client, content)
        assert reached.wait(30)
        assert client.get("/ping").status_code == 200
        opened.set()
        assert rows(answer.result(30)).argmax(1).tolist() == [2]
