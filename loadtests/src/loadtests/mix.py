"""The mix of requests that a run sends, the same in every run."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from urllib3 import encode_multipart_formdata

from loadtests import answers
from loadtests.photos import LARGE, MEDIUM, PNG, SMALL, WEBP, read_originals, resize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from loadtests.photos import Photo

BOUNDARY = "loadtests-7d1c3a6e5b"
# Of 40 requests. Most uploads are pictures that somebody has scaled down already; one in ten comes
# straight from a phone.
WEIGHTS = {SMALL: 12, MEDIUM: 14, LARGE: 4, PNG: 2, WEBP: 2}
FORMS, FORM_PHOTOS = 2, 3
VISITS = 2


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent, and how its answer is checked.

    Attributes:
        name: what it is counted under.
        check: raises `AnswerError` for the body of a 200 that is not right.
        predicts: whether it asks for a prediction.
    """

    name: str
    method: str
    path: str
    check: Callable[[bytes], None]
    content_type: str | None = None
    body: bytes | None = None
    predicts: bool = False


def read_mix(folder: Path, prefix: str) -> list[Request]:
    """Requests in the order in which they are to be sent, again and again.

    A shuffled deck rather than chance: every 40 requests cost the same, so that two runs can be
    compared.

    Args:
        folder: photos to send.
        prefix: `/api` for the page; empty for the model server itself, which has no page.

    Raises:
        LoadError: the folder has no photos, or one that cannot be read.
    """
    originals = read_originals(folder)
    deck = [
        _prediction(kind.name, prefix, [photo])
        for kind, weight in WEIGHTS.items()
        for photo in _take(resize(originals, kind), weight)
    ]
    small = itertools.cycle(resize(originals, SMALL))
    for _ in range(FORMS):
        photos = list(itertools.islice(small, FORM_PHOTOS))
        deck.append(_prediction(f"{FORM_PHOTOS} in one form", prefix, photos))
    deck += VISITS * [Request("models", "GET", f"{prefix}/models", answers.check_models)]
    if prefix:
        deck += VISITS * [Request("page", "GET", "/", answers.check_page)]
    random.Random(0).shuffle(deck)  # noqa: S311 - a repeatable order
    return deck


def _take(photos: Iterable[Photo], number: int) -> Iterator[Photo]:
    return itertools.islice(itertools.cycle(photos), number)


def _prediction(name: str, prefix: str, photos: list[Photo]) -> Request:
    fields = [("file", (photo.name, photo.content, photo.content_type)) for photo in photos]
    body, content_type = encode_multipart_formdata(fields, BOUNDARY)
    return Request(
        f"predict {name}",
        "POST",
        f"{prefix}/predict",
        lambda content: answers.check_prediction(content, len(photos)),
        content_type,
        body,
        predicts=True,
    )
