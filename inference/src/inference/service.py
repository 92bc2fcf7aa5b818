"""The routes' work: each takes a request and gives an answer, or raises a `RequestError`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from inference.budget import Budget
from inference.cpu import available_cores
from inference.departure import WhileConnected
from inference.errors import BusyError, NoModelError, NotFoundError, RequestError
from inference.files import file_response
from inference.metrics import Metrics
from inference.prediction import Predictor, parse_top_k
from inference.repository import VERSION, Repository
from inference.requests import UNROUTED
from inference.responses import json_response, refusal
from inference.uploads import Limits, read_uploads
from inference.volume import VolumeReader
from inference.watcher import Watcher

if TYPE_CHECKING:
    from starlette.requests import Request

    from inference.manifest import Manifest
    from inference.model import Model
    from inference.settings import Settings

_BODIES = 16  # of the largest size may be held at a time: 320 MiB of the container's 2 GiB
_PREDICT = "/predict"
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Service:
    """All that the routes share; one per application."""

    def __init__(self, settings: Settings) -> None:
        cores = available_cores()
        self.settings = settings
        self.metrics = Metrics()
        self.watcher = Watcher(settings, self.metrics, cores)
        self.reader = VolumeReader()
        self._repository = Repository(settings.model_dir / settings.model_name)
        self.predictor = Predictor(settings, self.metrics, cores)
        self.bodies = Budget(_BODIES * settings.max_body_bytes)

    def close(self) -> None:
        """Stop polling and end the threads."""
        self.watcher.stop()
        self.predictor.close()

    def served(self) -> Model:
        """The model that answers.

        Raises:
            NoModelError: there is none yet.
        """
        model = self.watcher.catalogue.model
        if model is None:
            raise NoModelError("no model is loaded yet: publish one, or see /models for a fault")
        return model

    def overload(self, method: str, target: bytes) -> BusyError | None:
        """Why a request is to be refused before its body comes: only POSTs have work in them."""
        if method != "POST":
            return None
        try:
            self.predictor.require_place()
        except BusyError as error:
            route = _PREDICT if target.partition(b"?")[0] == _PREDICT.encode() else UNROUTED
            self.metrics.request(method, route, error.status, 0)
            return error
        return None

    async def ping(self, _request: Request) -> Response:
        """`GET /ping`: the process lives, with or without a model."""
        return json_response({"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        """`GET /ready`: a model is loaded."""
        version = self.served().manifest.version
        model = {"name": self.settings.model_name, "version": version}
        return json_response({"status": "ready", "model": model})

    async def predict(self, request: Request) -> Response:
        """`POST /predict`: the most probable classes of one or more images."""
        model = self.served()
        query = request.scope["query_string"] and request.query_params.getlist("top_k")
        top_k = parse_top_k(query or [])
        settings = self.settings
        self.predictor.require_place()
        with self.bodies.lease() as memory:
            limits = Limits(settings.max_body_bytes, settings.queue_size, memory)
            uploads = await read_uploads(request, limits)
            with WhileConnected(request.receive):
                name = settings.model_name
                return json_response(await self.predictor.answer(model, name, uploads, top_k))

    async def models(self, _request: Request) -> Response:
        """`GET /models`: what was published, and what is served."""
        return json_response(self.watcher.catalogue.listing())

    async def model(self, request: Request) -> Response:
        """`GET /models/{version}`: a manifest as it was published."""
        return Response(self._manifest(request).raw, media_type="application/json")

    async def file(self, request: Request) -> Response:
        """`GET /models/{version}/files/{name}`: a report file or sample image."""
        name = request.path_params["name"]
        manifest = self._manifest(request)
        return await file_response(request, manifest, name, self._repository, self.reader)

    async def training(self, _request: Request) -> Response:
        """`GET /training`: what the trainer is doing."""
        training = self.watcher.catalogue.training
        if training is None:
            raise NotFoundError("no training has reported itself")
        headers = {"cache-control": "no-store"}
        return Response(training, media_type="application/json", headers=headers)

    async def metrics_text(self, _request: Request) -> Response:
        """`GET /metrics`: for Prometheus."""
        return Response(self.metrics.text(), headers={"content-type": _METRICS_TYPE})

    async def refused(self, request: Request, error: Exception) -> Response:
        """Answer a request that a route refused, and count why."""
        if not isinstance(error, RequestError):
            raise error
        self.metrics.refusal(error.code)
        return refusal(error, request.scope["path"])

    def _manifest(self, request: Request) -> Manifest:
        version = request.path_params["version"]
        if VERSION.fullmatch(version):
            manifest = self.watcher.catalogue.manifest(int(version))
            if manifest is not None:
                return manifest
        raise NotFoundError(f"there is no version {version:.20}")
