from __future__ import annotations

import errno
import logging
import shutil
import threading
from typing import TYPE_CHECKING

import pytest
from conftest import GOLDEN

from inference.metrics import Metrics
from inference.repository import Repository
from inference.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from conftest import Shelf

    from inference.catalogue import Catalogue


@pytest.fixture
def watcher(shelf: Shelf) -> Watcher:
    return Watcher(shelf.settings(), Metrics(), 1)


def served(watcher: Watcher) -> int | None:
    model = watcher.catalogue.model
    return model.manifest.version if model else None


def states(catalogue: Catalogue) -> dict[object, object]:
    versions = catalogue.listing()["versions"]
    assert isinstance(versions, list)
    return {entry["version"]: entry["state"] for entry in versions}


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_nothing_published_is_no_fault(watcher: Watcher, caplog: pytest.LogCaptureFixture) -> None:
    watcher.poll()
    assert watcher.catalogue.listing() == {"name": "golden", "current": None, "versions": []}
    assert errors(caplog) == []


def test_waiting_for_a_first_model_is_told_once(
    watcher: Watcher, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    watcher.poll()
    shelf.replace("current.json", b"{")
    watcher.poll()
    (shelf.folder / "current.json").unlink()
    watcher.poll()
    told = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    place = f"'golden' in {shelf.root}"
    assert told == [f"nothing is published under {place} yet: waiting for it"]


def test_where_something_is_published_nothing_is_waited_for(
    watcher: Watcher, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.publish(1)
    watcher.poll()
    assert [each for each in caplog.records if each.levelno == logging.WARNING] == []


def test_new_versions_are_served_and_rolled_back(watcher: Watcher, shelf: Shelf) -> None:
    shelf.publish(1)
    watcher.poll()
    assert served(watcher) == 1
    shelf.publish(2, point=False)
    watcher.poll()
    assert served(watcher) == 1
    shelf.point(2)
    watcher.poll()
    assert served(watcher) == 2
    shelf.point(1)
    watcher.poll()
    assert served(watcher) == 1
    assert states(watcher.catalogue) == {2: "available", 1: "serving"}


def test_an_unchanged_pointer_loads_nothing_again(watcher: Watcher, shelf: Shelf) -> None:
    shelf.publish(1)
    watcher.poll()
    model = watcher.catalogue.model
    watcher.poll()
    assert watcher.catalogue.model is model


@pytest.mark.parametrize(
    ("case", "reason"),
    [("corrupt", "sha256"), ("future", "format 2, newer"), ("external", "outside itself")],
)
def test_a_bad_newest_version_leaves_the_last_good_one(
    case: str, reason: str, watcher: Watcher, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.publish(1)
    watcher.poll()
    shutil.rmtree(shelf.root)
    shutil.copytree(GOLDEN / "model" / case, shelf.root)
    for _ in range(3):
        watcher.poll()
    assert served(watcher) == 1
    assert states(watcher.catalogue) == {2: "failed", 1: "serving"}
    assert reason in str(watcher.catalogue.listing())
    assert [line for line in errors(caplog) if reason in line] == errors(caplog)
    assert len(errors(caplog)) == 1


def test_a_bad_only_version_serves_nothing(watcher: Watcher, shelf: Shelf) -> None:
    shelf.publish(1, files={"model.onnx": b"nonsense"})
    watcher.poll()
    assert served(watcher) is None
    assert states(watcher.catalogue) == {1: "failed"}


@pytest.mark.parametrize("content", [b"", b"{", b'{"format": 9}', b'{"format": 1, "version": 1}'])
def test_a_corrupt_pointer_leaves_the_last_good_one(
    content: bytes, watcher: Watcher, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.publish(1)
    watcher.poll()
    shelf.replace("current.json", content)
    watcher.poll()
    watcher.poll()
    assert served(watcher) == 1
    assert "current.json" in str(watcher.catalogue.listing()["reason"])
    assert len(errors(caplog)) == 1
    shelf.point(1)
    watcher.poll()
    assert "reason" not in watcher.catalogue.listing()


def test_a_pointer_to_another_manifest_is_refused(watcher: Watcher, shelf: Shelf) -> None:
    shelf.publish(1)
    with (shelf.folder / "1" / "manifest.json").open("a") as file:
        file.write("\n")
    watcher.poll()
    assert served(watcher) is None
    assert "does not have the sha256 that current.json says" in str(watcher.catalogue.listing())
    shelf.point(1)
    watcher.poll()
    assert served(watcher) == 1


def test_an_unchanged_manifest_is_not_read_again(
    watcher: Watcher, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.publish(1)
    watcher.poll()
    monkeypatch.setattr(Repository, "manifest", never)
    watcher.poll()
    assert states(watcher.catalogue) == {1: "serving"}


def test_a_manifest_that_could_not_be_read_is_tried_again(watcher: Watcher, shelf: Shelf) -> None:
    shelf.publish(1, point=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Repository, "manifest", raising(OSError(errno.ESTALE, "stale")))
        watcher.poll()
    assert states(watcher.catalogue) == {1: "failed"}
    watcher.poll()
    assert states(watcher.catalogue) == {1: "available"}


@pytest.mark.parametrize("missing", ["manifest.json", "model.onnx", "model-card.md", ""])
def test_a_half_copied_version_is_served_once_it_is_whole(
    missing: str, watcher: Watcher, shelf: Shelf, tmp_path: Path
) -> None:
    shelf.publish(1)
    watcher.poll()
    late = shelf.publish(2) / missing
    shutil.move(late, tmp_path / "late")
    watcher.poll()
    assert served(watcher) == 1
    assert states(watcher.catalogue)[2] == "failed"
    shutil.move(tmp_path / "late", late)
    watcher.poll()
    assert served(watcher) == 2


def test_a_file_that_still_grows_is_looked_at_again(watcher: Watcher, shelf: Shelf) -> None:
    model = shelf.publish(1) / "model.onnx"
    whole = model.read_bytes()
    model.write_bytes(whole[:50])
    watcher.poll()
    assert served(watcher) is None
    model.write_bytes(whole)
    watcher.poll()
    assert served(watcher) == 1


def test_a_fault_that_stays_is_not_tried_again(
    watcher: Watcher, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.publish(1, files={"model.onnx": b"nonsense"})
    watcher.poll()
    monkeypatch.setattr(Repository, "verified_model", never)
    watcher.poll()
    assert states(watcher.catalogue) == {1: "failed"}


def never(*_arguments: object) -> None:
    raise AssertionError("it was read again")


def test_the_model_outlives_its_volume(watcher: Watcher, shelf: Shelf) -> None:
    shelf.publish(1)
    watcher.poll()
    shutil.rmtree(shelf.root)
    watcher.poll()
    assert served(watcher) == 1
    assert states(watcher.catalogue) == {1: "serving"}


@pytest.mark.parametrize("method", ["versions", "pointer", "manifest_mark", "training"])
@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO])
def test_a_stale_handle_changes_nothing_and_passes(
    method: str, number: int, watcher: Watcher, shelf: Shelf
) -> None:
    shelf.publish(1)
    shelf.replace("training.json", b'{"format": 1}')
    watcher.poll()
    before = watcher.catalogue
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Repository, method, raising(OSError(number, "stale")))
        watcher.poll()
    assert (served(watcher), watcher.catalogue.training) == (1, before.training)
    watcher.poll()
    assert watcher.catalogue.listing() == before.listing()


def raising(error: Exception) -> Callable[..., None]:
    def fail(*_arguments: object) -> None:
        raise error

    return fail


def test_a_volume_that_hangs_holds_up_nobody(
    watcher: Watcher, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.publish(1)
    watcher.poll()
    hanging, volume = threading.Event(), threading.Event()

    def hang(_repository: Repository) -> list[int]:
        hanging.set()
        volume.wait(30)
        return []

    monkeypatch.setattr(Repository, "versions", hang)
    watcher.start()
    assert hanging.wait(30)
    assert served(watcher) == 1
    watcher.stop()
    volume.set()
    assert watcher.looked.wait(30)


def test_a_bug_does_not_end_the_thread(
    watcher: Watcher, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Repository, "versions", raising(RuntimeError("bug")))
    watcher.start()
    assert watcher.looked.wait(30)
    watcher.stop()
    assert errors(caplog) == ["the model repository could not be polled"]


def test_a_bad_version_that_is_not_current_is_told_once(
    watcher: Watcher, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.publish(1)
    shelf.publish(2, lambda manifest: manifest.pop("labels"), point=False)
    watcher.poll()
    watcher.poll()
    assert states(watcher.catalogue) == {2: "failed", 1: "serving"}
    assert len(errors(caplog)) == 1


def test_training_follows_its_file(watcher: Watcher, shelf: Shelf) -> None:
    for content in (b'{"format": 1, "epoch": 1}', b'{"format": 1, "epoch": 2}'):
        shelf.replace("training.json", content)
        watcher.poll()
        assert watcher.catalogue.training == content
    shelf.replace("training.json", b'{"form')
    watcher.poll()
    assert watcher.catalogue.training == b'{"format": 1, "epoch": 2}'


def test_failures_are_counted_once(watcher: Watcher, shelf: Shelf) -> None:
    shelf.publish(1, files={"model.onnx": b"nonsense"})
    watcher.poll()
    watcher.poll()
    text = watcher._metrics.text().decode()  # noqa: SLF001 - no other way to it from here
    assert "inference_model_load_failures_total 1.0" in text
