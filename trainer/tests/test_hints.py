from __future__ import annotations

import pytest

from trainer import hints
from trainer.cli import main


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(hints.PREFIX, raising=False)


def test_a_command_is_typed_as_the_trainer_was() -> None:
    assert hints.command("export", "--dataset", "pets") == "trainer export --dataset pets"
    assert hints.command() == "trainer"


def test_only_a_model_other_than_the_default_is_named() -> None:
    assert hints.command("list", model_name="classifier") == "trainer list"
    assert hints.command("list", model_name="pets") == "trainer list --model-name pets"


def test_whatever_starts_the_trainer_may_say_how(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(hints.PREFIX, "./noxw -s trainer --")
    assert hints.command("list") == "./noxw -s trainer -- list"
    with pytest.raises(SystemExit):
        main(["prune", "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith("usage: ./noxw -s trainer -- prune ")
    assert "example:\n  ./noxw -s trainer -- prune --keep 3\n" in shown
