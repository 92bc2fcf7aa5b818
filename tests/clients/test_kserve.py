"""KServe's Python client."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

from conftest import LABELS, PROBABILITIES, pixels, red_png

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from kserve import InferResponse
    from numpy.typing import NDArray


def ask(work: Callable[[InferenceRESTClient], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401
    """The answer to one question by a client of its own."""

    async def run() -> Any:  # noqa: ANN401 - whatever the client's method gives
        async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
            return await work(client)

    return asyncio.run(run())


def infer(server: str, request: InferRequest, **options: object) -> InferResponse:
    return ask(
        lambda client: client.infer(
            f"http://{server}", request, model_name=request.model_name, **options
        )
    )


def request(
    values: NDArray[Any], *, binary: bool, datatype: str = "UINT8", **options: object
) -> InferRequest:
    image = InferInput("image", [*values.shape], datatype)
    image.set_data_from_numpy(values, binary_data=binary)
    return InferRequest("golden", [image], **options)


def test_it_is_live_and_ready(server: str) -> None:
    url = f"http://{server}"
    assert ask(lambda client: client.is_server_live(url)) is True
    assert ask(lambda client: client.is_server_ready(url)) is True
    assert ask(lambda client: client.is_model_ready(url, "golden")) is True
    assert ask(lambda client: client.is_model_ready(url, "other")) is False


def test_without_a_model_it_is_live_only(unready: str) -> None:
    url = f"http://{unready}"
    assert ask(lambda client: client.is_server_live(url)) is True
    assert ask(lambda client: client.is_model_ready(url, "golden")) is False
    with pytest.raises(httpx.HTTPStatusError, match=r"no model is loaded yet; version 2: .* '503"):
        ask(lambda client: client.is_server_ready(url))


@pytest.mark.parametrize("outputs", ["json", "binary", "all binary"])
@pytest.mark.parametrize("kind", ["UINT8", "FP32"])
@pytest.mark.parametrize("binary", [True, False])
def test_pixels_are_classified(
    binary: bool,  # noqa: FBT001 - a parameter of the test
    kind: str,
    outputs: str,
    server: str,
) -> None:
    batch = pixels("red", "blue").astype(np.uint8 if kind == "UINT8" else np.float32)
    wanted = RequestedOutput("probabilities", {"binary_data": outputs == "binary"})
    options: dict[str, Any] = (
        {"parameters": {"binary_data_output": True}}
        if outputs == "all binary"
        else {"request_outputs": [wanted]}
    )
    asked = request(batch, binary=binary, datatype=kind, request_id="an id", **options)
    headers: dict[str, str] = {}
    answer = infer(server, asked, response_headers=headers)
    assert (answer.id, answer.model_name) == ("an id", "golden")
    assert ("inference-header-content-length" in headers) == (outputs != "json")
    np.testing.assert_allclose(answer.outputs[0].as_numpy(), PROBABILITIES[[2, 0]], atol=1e-6)


@pytest.mark.parametrize("binary", [True, False])
def test_the_best_classes_are_named(
    binary: bool,  # noqa: FBT001 - a parameter of the test
    server: str,
) -> None:
    wanted = RequestedOutput("probabilities", {"classification": 1, "binary_data": binary})
    batch = pixels("red", "green", "blue")
    answer = infer(server, request(batch, binary=True, request_outputs=[wanted]))
    assert answer.outputs[0].as_numpy().ravel().tolist() == LABELS[::-1]


def test_encoded_images_are_decoded(server: str) -> None:
    raw = np.array([red_png()] * 2, np.object_)
    text = np.array([base64.b64encode(red_png())] * 2, np.object_)
    for batch, binary in ((raw, True), (text, False)):
        answer = infer(server, request(batch, binary=binary, datatype="BYTES"))
        assert answer.outputs[0].as_numpy().argmax(1).tolist() == [2, 2]


def test_nested_data_is_read(server: str) -> None:
    image = InferInput("image", [1, 8, 8, 3], "UINT8", data=pixels("green").tolist())
    answer = infer(server, InferRequest("golden", [image]))
    np.testing.assert_allclose(answer.outputs[0].as_numpy(), PROBABILITIES[[1]], atol=1e-6)


def test_a_long_answer_is_compressed_and_read(server: str) -> None:
    headers: dict[str, str] = {}
    asked = request(pixels("red"), binary=True, request_id="x" * 5000)
    assert infer(server, asked, response_headers=headers).id == "x" * 5000
    assert headers["content-encoding"] == "gzip"  # which httpx asks for by itself


def test_refusals_are_told(server: str) -> None:
    with pytest.raises(httpx.HTTPStatusError, match=r"^shape must be .*, '400 Bad Request'"):
        infer(server, request(pixels("red")[:, 1:], binary=True))
    other = request(pixels("red"), binary=True)
    other.model_name = "other"
    with pytest.raises(httpx.HTTPStatusError, match=r"^there is no model 'other'.*'404 Not"):
        infer(server, other)
