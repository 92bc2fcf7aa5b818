"""The ASGI application: routes, what surrounds them, and its beginning and end."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from inference import oip, openapi, sagemaker
from inference.errors import RequestError
from inference.linger import Linger
from inference.requests import RequestLog
from inference.responses import unrouted
from inference.routing import Route
from inference.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from inference.settings import Settings


def create_app(
    settings: Settings, *, hosted: bool = False, around: Sequence[Middleware] = ()
) -> Starlette:
    """The application; it polls the model repository while its lifespan lasts.

    Args:
        settings: what is served, and how.
        hosted: whether SageMaker's routes go before the others.
        around: what each request passes through before it is logged.
    """
    service = Service(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        service.watcher.start()
        yield
        service.close()

    app = Starlette(
        routes=[
            *(sagemaker.routes(service) if hosted else []),
            *_routes(service),
            *oip.routes(service),
            openapi.route(settings, hosted=hosted),
        ],
        middleware=[
            Middleware(Linger),
            *around,
            Middleware(RequestLog, metrics=service.metrics),
        ],
        exception_handlers={RequestError: service.refused, HTTPException: unrouted},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # a redirect would answer what is no route
    app.state.service = service
    return app


def _routes(service: Service) -> list[Route]:
    return [
        Route("/predict", service.predict, methods=["POST"]),  # the first that is tried
        Route("/ping", service.ping),
        Route("/ready", service.ready),
        Route("/models", service.models),
        Route("/models/{version}", service.model),
        Route("/models/{version}/files/{name}", service.file),
        Route("/training", service.training),
        Route("/metrics", service.metrics_text),
    ]
