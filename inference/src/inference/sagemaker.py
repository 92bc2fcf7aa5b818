"""Amazon SageMaker's contract with a container that hosts a model.

`docker run image serve` answers `GET /ping` and `POST /invocations`, by what lies below
`/opt/ml/model`, into which SageMaker unpacks the archive it was given. Source:
<https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html>; of the port,
<https://docs.aws.amazon.com/sagemaker/latest/dg/inference-pipeline-real-time.html>.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.requests import Request

from inference.routing import Route
from inference.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from inference.service import Service

#: For requests that were begun: SIGKILL comes 30 s after SIGTERM, and the end itself takes some.
DRAIN_SECONDS = 25

_ANY = "0.0.0.0"  # noqa: S104 - a container's own network
_BASE = "/opt/ml"
_BIND = "SAGEMAKER_BIND_TO_PORT"
_POINTER = "current.json"
_PORT = "8080"
_TOP_K = "top_k"


def hosted(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with what the contract decides: the address, and where the model is.

    `SAGEMAKER_BASE_DIR` takes the place of `/opt/ml`, as in SageMaker's own toolkits.

    Raises:
        SettingsError: there is no model, or several and `MODEL_NAME` chooses none.
    """
    folder = Path(environ.get("SAGEMAKER_BASE_DIR") or _BASE) / "model"
    port = environ.get(_BIND) or ""
    if port and not (port.isascii() and port.isdigit()):
        raise SettingsError(f"{_BIND}={port!r}: must be the number of a port")
    return {
        **environ,
        "HOST": environ.get("HOST") or _ANY,
        "PORT": port or environ.get("PORT") or _PORT,
        "MODEL_DIR": str(folder),
        "MODEL_NAME": _model(folder, environ.get("MODEL_NAME")),
    }


def routes(service: Service) -> list[Route]:
    """The contract's routes, which go before the service's own."""

    async def invocations(request: Request) -> Response:
        """`POST /invocations`: `/predict`, with its query among SageMaker's custom attributes."""
        query = _query(request.headers.get("x-amzn-sagemaker-custom-attributes", ""))
        return await service.predict(
            Request({**request.scope, "query_string": query}, request.receive)
        )

    return [
        Route("/ping", service.ready),  # after a 200, requests come
        Route("/invocations", invocations, methods=["POST"]),
    ]


def _model(folder: Path, wanted: str | None) -> str:
    """The model that is wanted, or the only one; another will not come."""
    try:
        names = sorted(each.name for each in folder.iterdir() if (each / _POINTER).is_file())
    except OSError as error:
        raise SettingsError(
            f"{folder} cannot be read ({error.strerror or error}): SageMaker unpacks the model "
            "there, and the container's user must be allowed to read it"
        ) from error
    if not names:
        raise SettingsError(
            f"{folder} has no model: pack a model's folder, with its {_POINTER}, as in "
            "`tar -C .local/model -czf model.tar.gz digits`"
        )
    if wanted:
        if wanted not in names:
            raise SettingsError(f"MODEL_NAME={wanted!r}: {folder} has {', '.join(names)} alone")
        return wanted
    if len(names) > 1:
        raise SettingsError(f"{folder} has {', '.join(names)}: set MODEL_NAME to one of them")
    return names[0]


def _query(attributes: str) -> bytes:
    """What is meant for `/predict`, as its query; whatever else a caller sends is its own affair.

    Args:
        attributes: `name=value` pairs, divided by commas.
    """
    pairs = [each.strip().partition("=") for each in attributes.split(",")]
    return urlencode([(name, value) for name, _, value in pairs if name == _TOP_K]).encode()
