"""Answers as JSON, and what an error looks like."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING

import orjson
from starlette.exceptions import HTTPException
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from inference.errors import RequestError

_CODES = {404: "not_found", 405: "method_not_allowed"}
_PROTOCOL = "/v2"


def json_response(
    document: object, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A document; escaped to ASCII where a label or a name holds what UTF-8 cannot."""
    try:
        content: bytes | str = orjson.dumps(document)
    except TypeError:
        content = json.dumps(document, allow_nan=False, separators=(",", ":"))
    return Response(content, status, headers, "application/json")


def error_response(
    path: str, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """`{"error": {"code", "message"}}`; below `/v2`, whose protocol knows no code, `{"error"}`."""
    protocol = path == _PROTOCOL or path.startswith(f"{_PROTOCOL}/")
    error = message if protocol else {"code": code, "message": message}
    return json_response({"error": error}, status, headers)


def refusal(error: RequestError, path: str) -> Response:
    """Answer a request that a route refused."""
    wait = error.retry_after
    headers = {} if wait is None else {"retry-after": str(wait)}
    return error_response(path, error.status, error.code, str(error), headers)


async def unrouted(request: Request, error: Exception) -> Response:
    """Answer a request that has no route, or none for its method."""
    if not isinstance(error, HTTPException):
        raise error
    code = _CODES.get(error.status_code, "bad_request")
    phrase = HTTPStatus(error.status_code).phrase.lower()
    message = f"{phrase}: {request.method} {request.url.path:.200}"
    return error_response(request.scope["path"], error.status_code, code, message, error.headers)
