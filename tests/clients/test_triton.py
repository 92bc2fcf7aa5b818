"""`tritonclient[http]`, NVIDIA's client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from conftest import LABELS, PROBABILITIES, pixels, red_png

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

COMPRESSION = [None, "gzip", "deflate"]


@pytest.fixture
def client(server: str) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(server) as made:
        yield made


@pytest.fixture
def hopeless(unready: str) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(unready) as made:
        yield made


def images(
    values: NDArray[np.generic] | NDArray[np.object_], *, binary: bool, datatype: str = "UINT8"
) -> list[InferInput]:
    made = InferInput("image", [*values.shape], datatype)
    return [made.set_data_from_numpy(values, binary_data=binary)]


def test_it_is_live_and_ready(client: InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("golden")
    assert client.is_model_ready("golden", "2")
    assert not client.is_model_ready("golden", "1")
    assert not client.is_model_ready("other")


def test_without_a_model_it_is_live_only(hopeless: InferenceServerClient) -> None:
    assert hopeless.is_server_live()
    assert not hopeless.is_server_ready()
    assert not hopeless.is_model_ready("golden")
    with pytest.raises(InferenceServerException, match=r"\[503\] .*version 2: model\.onnx"):
        hopeless.get_model_metadata("golden")
    with pytest.raises(InferenceServerException, match=r"\[503\] no model is loaded"):
        hopeless.infer("golden", images(pixels("red"), binary=True))


def test_its_metadata_says_what_it_can(client: InferenceServerClient) -> None:
    server = client.get_server_metadata()
    assert server["name"] == "inference"
    assert server["extensions"] == ["binary_tensor_data", "classification"]
    model = client.get_model_metadata("golden", "2")
    assert model == client.get_model_metadata("golden")
    assert model["versions"] == ["2"]
    assert model["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 8, 8, 3]}]
    assert model["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]}]


@pytest.mark.parametrize("answer", COMPRESSION)
@pytest.mark.parametrize("question", COMPRESSION)
@pytest.mark.parametrize("kind", ["UINT8", "FP32"])
@pytest.mark.parametrize("binary", [True, False])
def test_pixels_are_classified(
    binary: bool,  # noqa: FBT001 - a parameter of the test
    kind: str,
    question: str | None,
    answer: str | None,
    client: InferenceServerClient,
) -> None:
    batch = pixels("red", "blue").astype(np.uint8 if kind == "UINT8" else np.float32)
    result = client.infer(
        "golden",
        images(batch, binary=binary, datatype=kind),
        outputs=[InferRequestedOutput("probabilities", binary_data=binary)],
        request_id="an id",
        request_compression_algorithm=question,
        response_compression_algorithm=answer,
    )
    assert result.get_response()["id"] == "an id"
    assert result.get_response()["model_version"] == "2"
    np.testing.assert_allclose(result.as_numpy("probabilities"), PROBABILITIES[[2, 0]], atol=1e-6)


def test_all_outputs_are_binary_unless_asked_for(client: InferenceServerClient) -> None:
    result = client.infer("golden", images(pixels("green"), binary=True), model_version="2")
    assert result.get_output("probabilities")["parameters"] == {"binary_data_size": 12}
    np.testing.assert_allclose(result.as_numpy("probabilities"), PROBABILITIES[[1]], atol=1e-6)


@pytest.mark.parametrize("binary", [True, False])
def test_the_best_classes_are_named(
    binary: bool,  # noqa: FBT001 - a parameter of the test
    client: InferenceServerClient,
) -> None:
    wanted = InferRequestedOutput("probabilities", binary_data=binary, class_count=2)
    batch = images(pixels("red", "green", "blue"), binary=binary)
    best = client.infer("golden", batch, outputs=[wanted]).as_numpy("probabilities")
    assert best.shape == (3, 2)
    named = [each.decode() if binary else str(each) for each in best[:, 0].tolist()]
    assert named == LABELS[::-1]


def test_encoded_images_are_decoded(client: InferenceServerClient) -> None:
    batch = np.array([red_png()] * 2, np.object_)
    result = client.infer("golden", images(batch, binary=True, datatype="BYTES"))
    assert result.as_numpy("probabilities").argmax(1).tolist() == [2, 2]


def test_a_long_answer_is_compressed_and_read(client: InferenceServerClient) -> None:
    result = client.infer(
        "golden",
        images(pixels("red"), binary=True),
        request_id="x" * 5000,
        response_compression_algorithm="gzip",
    )
    assert result.get_response()["id"] == "x" * 5000
    np.testing.assert_allclose(result.as_numpy("probabilities"), PROBABILITIES[[2]], atol=1e-6)


def test_an_image_alone_is_a_request(client: InferenceServerClient) -> None:
    answer = client._post(  # noqa: SLF001 - it has no public way to a raw binary request
        "v2/models/golden/infer",
        pixels("blue").tobytes(),
        {"Inference-Header-Content-Length": "0"},
        None,
    )
    length = int(answer.get("Inference-Header-Content-Length"))
    result = client.parse_response_body(answer.read(), header_length=length)
    np.testing.assert_allclose(result.as_numpy("probabilities"), PROBABILITIES[[0]], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "version", "batch", "told"),
    [
        ("other", "", pixels("red"), r"\[404\] there is no model 'other'"),
        ("golden", "1", pixels("red"), r"\[404\] version '1' is not served: version 2 is"),
        ("golden", "", pixels("red")[:, 1:], r"\[400\] shape must be \[N, 8, 8, 3\]"),
        ("golden", "", pixels(*["red"] * 5), r"\[400\] shape must be .* N from 1 to 4"),
        ("golden", "", np.zeros((4, 300, 300, 3), np.uint8), r"\[413\] the body is larger"),
    ],
)
def test_refusals_are_told(
    name: str, version: str, batch: NDArray[np.uint8], told: str, client: InferenceServerClient
) -> None:
    with pytest.raises(InferenceServerException, match=told):
        client.infer(name, images(batch, binary=True), model_version=version)


def test_scaled_pixels_and_damaged_images_are_refused(client: InferenceServerClient) -> None:
    scaled = (pixels("red") / 255 - 0.5).astype(np.float32)
    for binary in (True, False):
        with pytest.raises(InferenceServerException, match=r"\[400\] the values must be whole"):
            client.infer("golden", images(scaled, binary=binary, datatype="FP32"))
    damaged = np.array([red_png(), red_png()[:50]], np.object_)
    with pytest.raises(InferenceServerException, match=r"\[400\] 'image\[1\]': "):
        client.infer("golden", images(damaged, binary=True, datatype="BYTES"))


def test_a_bomb_is_refused(client: InferenceServerClient) -> None:
    wide = np.zeros((1, 2000, 2000, 3), np.uint8)
    with pytest.raises(InferenceServerException, match=r"\[413\] the body inflates to more"):
        client.infer("golden", images(wide, binary=True), request_compression_algorithm="gzip")


def test_what_is_not_there_is_refused_as_an_error(client: InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match=r"\[404\] not found: GET"):
        client.get_inference_statistics("golden")
    with pytest.raises(InferenceServerException, match=r"\[404\] not found: POST"):
        client.load_model("golden")
