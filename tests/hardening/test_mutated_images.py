"""10,000 damaged images by a seeded mutator, and a hot swap among them."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from hardening_fixtures import CORPUS
from load import OK, ask_all
from mutations import Mutator
from wire import post

if TYPE_CHECKING:
    from collections.abc import Callable

    from inference_process import Inference
    from load import Answer

SEED = 20_260_101
WARM, MUTANTS = 6_000, 10_000
CLIENTS = 4
SECONDS = 90.0
GROWTH = 0.05  # of the resident memory
TAKEN, REFUSED = {OK}, {400, 413}


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    files = sorted((CORPUS / "images").iterdir())
    return [file.read_bytes() for file in files]


def test_the_corpus_is_valid(inference: Inference, images: list[bytes]) -> None:
    requests = iter([post("/predict", "image/any", image) for image in images])
    answers = asyncio.run(ask_all(inference.port, requests, CLIENTS))
    assert [answer.status for answer in answers] == [OK] * len(images)


def test_mutants_are_classified_or_refused_and_leave_nothing(
    inference: Inference, images: list[bytes], report: Callable[[str, str, str], None]
) -> None:
    mutants = Mutator(images, SEED).mutants(WARM + MUTANTS)
    requests = (post("/predict", "image/any", mutant) for mutant in mutants)

    async def ask(many: int) -> list[Answer]:
        return await ask_all(inference.port, itertools.islice(requests, many), CLIENTS)

    asyncio.run(ask(WARM // 2))
    inference.versions.publish()  # what a process keeps of a first swap is no growth
    asyncio.run(ask(WARM // 2))
    before, began = inference.resident(), time.monotonic()
    lines = len(inference.lines())
    answers = asyncio.run(ask(MUTANTS // 2))
    swapped = inference.versions.publish()
    answers += asyncio.run(ask(MUTANTS - MUTANTS // 2))
    seconds, growth = time.monotonic() - began, inference.resident() / before - 1
    statuses = Counter(answer.status for answer in answers)
    told = ", ".join(f"{many} x {status}" for status, many in sorted(statuses.items()))
    report(
        f"{MUTANTS} mutated images of seed {SEED}",
        f"{told}; memory {growth:+.1%} of {before / 2**20:.0f} MB; {seconds:.0f} s",
        f"no 5xx, memory < +{GROWTH:.0%}, <= {SECONDS:.0f} s",
    )
    assert [each for each in answers if each.status not in TAKEN | REFUSED] == []
    assert {answer.version for answer in answers if answer.version} == {swapped - 1, swapped}
    assert len(inference.lines()) - lines == MUTANTS + 1  # and one that tells of the new version
    assert growth < GROWTH
    assert seconds <= SECONDS


def test_one_seed_gives_the_same_mutants(images: list[bytes]) -> None:
    one, other = (list(Mutator(images, SEED).mutants(50)) for _ in range(2))
    assert one == other
    assert len(set(one)) > 40
