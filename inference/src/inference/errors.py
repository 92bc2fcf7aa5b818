"""What a request can be refused for, each with its HTTP status and code."""

from __future__ import annotations

from typing import ClassVar


class RequestError(Exception):
    """A request that is answered with an error; the message is told to the client.

    Attributes:
        status: HTTP status.
        code: what programs tell the errors apart by.
        retry_after: seconds after which another try makes sense, if it ever does.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    retry_after: ClassVar[int | None] = None


class BrokenOffError(Exception):
    """An answer that was begun cannot be completed; the message is told to the log alone."""


class BadRequestError(RequestError):
    """The request is not formed as it must be."""


class NotAnImageError(RequestError):
    """The bytes are no image, or a damaged one."""

    code = "not_an_image"


class NotFoundError(RequestError):
    """There is nothing of that name."""

    status = 404
    code = "not_found"


class TooLargeError(RequestError):
    """The body has too many bytes, or an image too many pixels."""

    status = 413
    code = "too_large"


class UnsupportedTypeError(RequestError):
    """The body is of a type that is not read here."""

    status = 415
    code = "unsupported_type"


class NoModelError(RequestError):
    """No model is loaded yet."""

    status = 503
    code = "no_model"
    retry_after = 5


class BusyError(RequestError):
    """More is waiting than the service takes on."""

    status = 503
    code = "busy"
    retry_after = 1


class ModelFaultError(RequestError):
    """The served model gives no probabilities for this input; another version may."""

    status = 503
    code = "model_fault"
    retry_after = 60


class TimedOutError(RequestError):
    """The model volume fails, or took too long."""

    status = 503
    code = "timeout"
    retry_after = 5


class SlowRequestError(RequestError):
    """The request itself does not come, or too slowly."""

    status = 408
    code = "timeout"


class UriTooLongError(RequestError):
    """The request's target has too many bytes."""

    status = 414
    code = "uri_too_long"


class HeadTooLargeError(RequestError):
    """The request's head has too many bytes or headers."""

    status = 431
    code = "head_too_large"
