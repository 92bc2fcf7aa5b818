"""The Open Inference Protocol, version 2, over HTTP: `/v2` and what lies below it.

Sources: <https://github.com/kserve/kserve/blob/master/docs/predict-api/v2/required_api.md>, and
of the extensions <https://github.com/triton-inference-server/server/tree/main/docs/protocol>.
"""

from __future__ import annotations

import asyncio
import re
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

from starlette.responses import Response

from inference.codings import encoded, read_body
from inference.departure import WhileConnected
from inference.errors import BadRequestError, NoModelError, NotFoundError
from inference.infer_request import Takes, read_request
from inference.infer_response import infer_response
from inference.model import INPUT, OUTPUT
from inference.responses import json_response
from inference.routing import Route
from inference.tensors import FP32, UINT8
from inference.uploads import Limits

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from inference.infer_response import InferResponse
    from inference.model import Model
    from inference.service import Service

EXTENSIONS = ("binary_tensor_data", "classification")
JSON_LENGTH = "inference-header-content-length"

_ENCODED = "content-encoding"
_REPOSITORY = "repository"
_LENGTH = re.compile(r"[0-9]{1,10}")
_NO_JSON = frozenset({"image", "multipart"})  # kinds of media
#: While JSON is read, so many times its size are held beside the body.
_COPIES = 4
#: A byte of JSON takes so many times what one of a binary tensor takes.
_JSON_EFFORT = 16
#: What takes a few milliseconds is done where it is; more would hold up other requests.
_QUICK_BYTES = 1024 * 1024
_QUICK_NUMBERS = 1_000
#: More would have the event loop wait for its turn among them.
_THREADS = 2

Value = TypeVar("Value")


def routes(service: Service) -> list[Route]:
    """The protocol's routes; each takes its path with and without a slash at the end."""
    protocol, route = OpenInference(service), partial(Route, slash=True)
    model = "/v2/models/{name}"
    either = (model, f"{model}/versions/{{version}}")
    return [
        *(route(f"{path}/infer", protocol.infer, methods=["POST"]) for path in either),
        *(route(f"{path}/ready", protocol.model_ready) for path in either),
        *(route(path, protocol.model_metadata) for path in either),
        route("/v2/health/live", protocol.live),
        route("/v2/health/ready", protocol.ready),
        route("/v2", protocol.server_metadata),
    ]


class OpenInference:
    """The routes' work."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._name = service.settings.model_name
        self._threads = asyncio.Semaphore(_THREADS)

    async def server_metadata(self, _request: Request) -> Response:
        """`GET /v2`: which server this is, and what it can beyond the protocol."""
        return json_response(
            {"name": "inference", "version": version("inference"), "extensions": [*EXTENSIONS]}
        )

    async def live(self, _request: Request) -> Response:
        """`GET /v2/health/live`: the process lives, with or without a model."""
        return json_response({"live": True})

    async def ready(self, _request: Request) -> Response:
        """`GET /v2/health/ready`: a model is loaded."""
        self._served()
        return json_response({"ready": True})

    async def model_ready(self, request: Request) -> Response:
        """`GET /v2/models/{name}/ready`: it is loaded, in that version if one is named."""
        self._asked(request)
        return json_response({"name": self._name, "ready": True})

    async def model_metadata(self, request: Request) -> Response:
        """`GET /v2/models/{name}`: what the model takes and gives."""
        manifest = self._asked(request).manifest
        faults = self._faults()
        pixels = [-1, manifest.height, manifest.width, 3]
        return json_response(
            {
                "name": self._name,
                "versions": [str(manifest.version)],
                "platform": "onnxruntime_onnx",
                "inputs": [{"name": INPUT, "datatype": UINT8, "shape": pixels}],
                "outputs": [
                    {"name": OUTPUT, "datatype": FP32, "shape": [-1, len(manifest.labels)]}
                ],
                **({"parameters": {"faults": faults}} if faults else {}),
            }
        )

    async def infer(self, request: Request) -> Response:
        """`POST /v2/models/{name}/infer`: the probabilities of each class for each image."""
        model, service = self._asked(request), self._service
        settings = service.settings
        takes = Takes.of(model.manifest, settings.queue_size)
        service.predictor.require_place()
        with service.bodies.lease() as memory:
            limits = Limits(settings.max_body_bytes, settings.queue_size, memory)
            body = await read_body(request, limits)
            json_bytes = _json_bytes(request, len(body))
            parsed = len(body) if json_bytes is None else json_bytes
            memory.take(_COPIES * parsed)
            quick = parsed * _JSON_EFFORT + len(body) <= _QUICK_BYTES
            asked = await self._run(lambda: read_request(body, json_bytes, takes), quick=quick)
            with WhileConnected(request.receive):
                rows = await service.predictor.rows(model, asked.images)
            accepted = request.headers.get("accept-encoding", "")
            return await self._run(
                lambda: _response(
                    infer_response(self._name, model.manifest, asked, rows), accepted
                ),
                quick=len(rows) * len(model.manifest.labels) <= _QUICK_NUMBERS,
            )

    async def _run(self, work: Callable[[], Value], *, quick: bool) -> Value:
        if quick:
            return work()
        async with self._threads:
            return await asyncio.to_thread(work)

    def _asked(self, request: Request) -> Model:
        """The model that the path names, which only the served one can be."""
        name, wanted = request.path_params["name"], request.path_params.get("version")
        if name != self._name:
            raise NotFoundError(f"there is no model {name!a:.80}: {self._name!r} is served")
        model = self._served()
        served = str(model.manifest.version)
        if wanted not in {None, served}:
            fault = self._faults().get(wanted)
            why = f"is not served: version {served} is" if fault is None else f"failed: {fault}"
            raise NotFoundError(f"version {wanted!a:.20} {why}")
        return model

    def _served(self) -> Model:
        model = self._service.watcher.catalogue.model
        if model is None:
            told = [
                fault if where == _REPOSITORY else f"version {where}: {fault}"
                for where, fault in self._faults().items()
            ]
            raise NoModelError("; ".join(["no model is loaded yet", *told]))
        return model

    def _faults(self) -> dict[str, str]:
        """What is wrong in the repository, by version, or by `repository` for all of it."""
        catalogue = self._service.watcher.catalogue
        found = {str(number): each.fault for number, each in catalogue.versions.items()}
        found[_REPOSITORY] = catalogue.fault
        return {where: fault for where, fault in found.items() if fault is not None}


def _json_bytes(request: Request, body_bytes: int) -> int | None:
    length = request.headers.get(JSON_LENGTH)
    if length is None:
        kind = request.headers.get("content-type", "").partition("/")[0]
        if kind in _NO_JSON:
            raise BadRequestError(
                "send JSON, or say with Inference-Header-Content-Length where the JSON ends; 0 is "
                "for an image's bytes alone"
            )
        return None
    if not _LENGTH.fullmatch(length) or int(length) > body_bytes:
        raise BadRequestError(
            f"Inference-Header-Content-Length must be a number of bytes, at most the {body_bytes} "
            "of the body"
        )
    return int(length)


def _response(answer: InferResponse, accepted: str) -> Response:
    binary = answer.binary
    headers = {"content-type": "application/json"}
    if binary is not None:
        headers = {
            "content-type": "application/octet-stream",
            JSON_LENGTH: str(len(answer.document)),
        }
    body, coding = encoded(answer.document + (binary or b""), accepted)
    if coding is not None:
        headers[_ENCODED] = coding
    return Response(body, headers=headers)
