"""Whether an answer is right, since a status of 200 alone does not say so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from loadtests.errors import AnswerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

OK, UNAVAILABLE = 200, 503
MOST_PROBABILITY = 1 + 1e-4  # probabilities are rounded, and so is their sum


def check(
    status: int, headers: Mapping[str, str], body: bytes, check_body: Callable[[bytes], None]
) -> None:
    """Checks status, headers and body of an answer.

    Raises:
        AnswerError: it is not right; the text is short, and the same for the same fault.
    """
    if status == OK:
        check_body(body)
        return
    told = f"{status} {_error_code(body)}".rstrip()
    if status == UNAVAILABLE:
        told += " with Retry-After" if "retry-after" in headers else " without Retry-After"
    raise AnswerError(told)


def check_prediction(body: bytes, images: int) -> None:
    """Checks for a model's version, and probabilities for each image.

    Raises:
        AnswerError: something is missing or of the wrong kind.
    """
    document = _document(body)
    try:
        version, predictions = document["model"]["version"], document["predictions"]
        tops = [[each["probability"] for each in one["top"]] for one in predictions]
    except (LookupError, TypeError) as error:
        raise AnswerError("200 without model, version or probabilities") from error
    if not _is_version(version):
        raise AnswerError("200 without a version of the model")
    if len(tops) != images:
        raise AnswerError("200 for another number of images")
    if not all(map(_are_probabilities, tops)):
        raise AnswerError("200 with what are no probabilities")


def check_models(body: bytes) -> None:
    """Checks for the version that is served.

    Raises:
        AnswerError: none is named.
    """
    document = _document(body)
    if not isinstance(document, dict) or not _is_version(document.get("current")):
        raise AnswerError("200 without a current model")


def check_page(body: bytes) -> None:
    """Checks for HTML.

    Raises:
        AnswerError: it is something else.
    """
    if b"<html" not in body.lower():
        raise AnswerError("200 with what is no page")


def _document(body: bytes) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise AnswerError("200 with what is no JSON") from error


def _error_code(body: bytes) -> str:
    try:
        code = json.loads(body)["error"]["code"]
    except (ValueError, RecursionError, LookupError, TypeError):
        return ""
    return code if isinstance(code, str) else ""


def _is_version(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _are_probabilities(values: list[object]) -> bool:
    numbers = [value for value in values if isinstance(value, float | int)]
    if not values or len(numbers) != len(values):
        return False
    return all(0 <= each <= 1 for each in numbers) and sum(numbers) <= MOST_PROBABILITY
