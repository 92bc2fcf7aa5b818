from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from deploy.eks.steps import STEPS, Done, Step, take
from deploy.errors import DeployError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

NOTHING = Done()


def step(name: str, done: Done) -> Step:
    return Step(name, lambda: done)


def failing(error: BaseException) -> Callable[[], Done]:
    def run() -> Done:
        raise error

    return run


def test_each_step_tells_its_start_and_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    is_changed = take([step("images", Done("2 pushed", is_change=True)), step("cluster", NOTHING)])
    assert is_changed
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "step 1/2 images"
    assert re.fullmatch(r"step 1/2 images: done in \d+ s, 2 pushed", lines[1])
    assert lines[2:] == ["step 2/2 cluster", "step 2/2 cluster: nothing to do"]


def test_looking_alone_is_no_change() -> None:
    assert not take([step("preflight", Done("all is well")), step("images", NOTHING)])


def test_a_change_in_the_first_step_does_not_end_the_others() -> None:
    taken: list[str] = []

    def note(name: str) -> Step:
        def run() -> Done:
            taken.append(name)
            return Done("x", is_change=True)

        return Step(name, run)

    take([note("one"), note("two")])
    assert taken == ["one", "two"]


@pytest.mark.parametrize("kind", [DeployError, UnreachableError])
def test_a_failure_tells_which_step_why_and_what_to_do(kind: type[DeployError]) -> None:
    steps = [step("one", NOTHING), Step("two", failing(kind("it is full")))]
    with pytest.raises(kind) as caught:
        take(steps)
    assert str(caught.value) == ("step 2/2 two: it is full; the same command goes on from there")


def test_an_interruption_tells_where(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt):
        take([Step("one", failing(KeyboardInterrupt()))])
    assert "step 1/1 one: interrupted; the same command" in capsys.readouterr().err


def test_the_order_is_the_seed_s() -> None:
    names = [each.name for each in STEPS]
    assert names.index("training") < names.index("backend") < names.index("frontend")
    limits = {each.name: each.seconds for each in STEPS}
    assert limits["training"] == 1800
    assert limits["backend"] == limits["frontend"] == 300
