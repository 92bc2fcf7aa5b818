"""Faults as CloudFormation tells them."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class InvalidError(ServiceException):
    """What was asked for cannot be: the template, a parameter or the stack does not allow it."""

    code = "ValidationError"

    def __init__(self, message: str) -> None:
        super().__init__(message)


class RefusedError(ServiceException):
    """What was asked for is refused, for whatever reason.

    moto takes an error of its own core for one of a service `core`, which there is not.
    """


class MissingChangeSetError(ServiceException):
    """There is no change set of this name."""

    code = "ChangeSetNotFound"


class ResourceError(Exception):
    """A resource cannot be made, changed or deleted; the text is the reason in the events."""
