from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
from types import SimpleNamespace
from typing import TYPE_CHECKING

import keras
import onnx
import pytest
from onnx import numpy_helper
from sample_model import contract, sample_files, sample_manifest
from tiny_world import COLOURS, COUNTS, NAME, World, pictures, prepared, read_json, trained

from trainer import commands, export, preparation, training
from trainer.checkpoints import BEST, read_weights, write_weights
from trainer.cli import build_parser
from trainer.errors import TrainerError
from trainer.model import build_model
from trainer.publishing import publish
from trainer.runs import Outcome
from trainer.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.runs import Run


def untrainable() -> None:
    pytest.fail("TensorFlow was started for nothing")


def weights(version: Path) -> list[bytes]:
    graph = onnx.load(version / "model.onnx").graph
    return sorted(numpy_helper.to_array(each).tobytes() for each in graph.initializer)


def test_run_publishes_a_version_that_keeps_the_contract(tmp_path: Path) -> None:
    world = trained(tmp_path)
    manifest = world.manifest(1)
    contract("manifest").validate(manifest)
    contract("current").validate(read_json(world.model / "current.json"))
    contract("training").validate(world.status())
    assert world.current() == 1
    assert world.versions() == ["1"]
    folder = world.model / "1"
    assert {path.name for path in folder.iterdir()} == {*manifest["files"], "manifest.json"}
    for name, listed in manifest["files"].items():
        content = (folder / name).read_bytes()
        assert listed == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert {"model.onnx", "card.md", "confusion.png", "confusion.json", "history.json"} < set(
        manifest["files"]
    )


def test_run_tells_what_was_trained_on_and_how(tmp_path: Path) -> None:
    manifest = trained(tmp_path).manifest(1)
    assert manifest["labels"] == sorted(COLOURS)
    assert manifest["name"] == NAME
    counts = {split: 2 * count for split, count in COUNTS.items()}
    assert {split: manifest["dataset"][split] for split in COUNTS} == counts
    assert manifest["training"]["epochs"] == 3
    assert manifest["input"]["height"] == manifest["input"]["width"] == 16
    assert sum(score["images"] for score in manifest["metrics"]["classes"]) == counts["test"]


def test_the_samples_are_originals_with_their_true_labels(tmp_path: Path) -> None:
    world = trained(tmp_path)
    originals = {path.read_bytes(): path.parent.name for path in pictures().glob("*/*")}
    samples = world.manifest(1)["samples"]
    assert len(samples) == 10
    for sample in samples:
        assert originals[(world.model / "1" / sample["file"]).read_bytes()] == sample["label"]


def test_the_history_and_the_confusion_are_those_of_the_model(tmp_path: Path) -> None:
    world = trained(tmp_path)
    history = json.loads((world.model / "1" / "history.json").read_text())
    assert [each["number"] for each in history] == [1, 2, 3]
    confusion = read_json(world.model / "1" / "confusion.json")
    assert confusion["labels"] == sorted(COLOURS)
    right = sum(confusion["confusion"][number][number] for number in range(2))
    assert right / 10 == pytest.approx(world.manifest(1)["metrics"]["accuracy"])


def test_training_json_tells_the_end(tmp_path: Path) -> None:
    status = trained(tmp_path).status()
    assert (status["state"], status["version"], status["epoch"]) == ("done", 1, 3)


def test_a_second_run_does_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = trained(tmp_path)
    monkeypatch.setattr(commands, "start_pipeline", untrainable)
    assert world.run() == 0
    assert "version 1 of colours was trained on this data" in capsys.readouterr().err
    assert world.versions() == ["1"]
    assert world.status()["version"] == 1


def test_retrain_publishes_the_same_model_again(tmp_path: Path) -> None:
    world = trained(tmp_path)
    assert world.run("--retrain") == 0
    assert world.versions() == ["1", "2"]
    assert world.current() == 2
    assert weights(world.model / "1") == weights(world.model / "2")
    assert world.manifest(1)["metrics"] == world.manifest(2)["metrics"]


def test_fit_export_and_publish_do_what_run_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, world = trained(tmp_path / "first"), prepared(tmp_path / "second")
    assert world.trainer("fit", "--tensorboard", str(tmp_path / "events")) == 0
    assert "trained 3 of 3 epochs; kept epoch " in capsys.readouterr().err
    assert len(list((tmp_path / "events").iterdir())) == 3
    assert world.status()["state"] == "done"
    assert world.trainer("export") == 0
    told = capsys.readouterr().err
    assert "next: trainer publish --dataset colours --model-name colours\n" in told
    assert world.versions() == []
    assert world.trainer("publish") == 0
    assert "version 1 of colours is published" in capsys.readouterr().err
    mine, its = world.manifest(1), first.manifest(1)
    for key in ("input", "labels", "metrics", "dataset", "packages", "samples"):
        assert mine[key] == its[key]
    assert weights(world.model / "1") == weights(first.model / "1")
    assert mine["files"].keys() == its["files"].keys()
    for name in ("confusion.json", "confusion.png"):
        assert mine["files"][name] == its["files"][name]


class FakePipeline:
    """Publishes without training."""

    def __init__(self, folder: Path) -> None:
        self.fitted: list[Run] = []
        self.folder = folder

    def fit(self, _dataset: object, run: Run, *_: object) -> Outcome:
        self.fitted.append(run)
        return Outcome(1, 1, 0.1, "CPU", "")

    def export_run(self, *_: object) -> None:
        pass

    def publish_run(self, run: Run, settings: Settings) -> int:
        files, manifest = sample_files(self.folder), sample_manifest(run.fingerprint)
        return publish(settings.model_dir, settings.model_name, files, manifest)


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (("--epochs", "4"), {}),
        ((), {"EPOCHS": "4"}),
        ((), {"SEED": "1"}),
        (("--augment", "glyph"), {}),
        (("--image-size", "8"), {}),
    ],
)
def test_other_settings_publish_another_version(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    world, fake = trained(tmp_path / "world"), FakePipeline(tmp_path / "sources")
    monkeypatch.setattr(commands, "start_pipeline", lambda: fake)
    monkeypatch.setattr(commands, "publish_run", fake.publish_run)
    assert world.run(*arguments, **variables) == 0
    assert world.current() == 2
    assert world.run(*arguments, **variables) == 0
    assert len(fake.fitted) == 1


def test_retrain_begins_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world, fake = trained(tmp_path / "world"), FakePipeline(tmp_path / "sources")
    monkeypatch.setattr(commands, "start_pipeline", lambda: fake)
    monkeypatch.setattr(commands, "publish_run", fake.publish_run)
    assert world.trainer("fit", "--retrain") == 0
    run = fake.fitted[-1]
    assert set(run.folder.iterdir()) == {run.lock}
    (run.folder / "weights").touch()
    assert world.run("--retrain") == 0
    assert set(run.folder.iterdir()) == {run.lock}


def test_after_a_rollback_a_run_warns_and_switch_switches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = trained(tmp_path)
    monkeypatch.setattr(commands, "start_pipeline", untrainable)
    assert world.trainer("publish") == 0
    assert world.trainer("rollback") == 0
    assert world.current() == 1
    capsys.readouterr()
    assert world.run() == 0
    told = capsys.readouterr().err
    assert "warning" in told
    assert "`trainer rollback 2 --model-name colours` makes it the current one" in told
    assert world.current() == 1
    assert world.run("--switch") == 0
    assert "is the current one again" in capsys.readouterr().err
    assert world.current() == 2


def test_a_failed_check_publishes_nothing_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = trained(tmp_path)
    shutil.rmtree(world.root / "model")
    monkeypatch.setattr(export, "MOST_DIFFERENCE", -1)
    assert world.run() == 4
    assert "nothing was published" in capsys.readouterr().err
    assert [path.name for path in world.model.iterdir()] == ["training.json"]
    status = world.status()
    contract("training").validate(status)
    assert status["state"] == "failed"
    assert "nothing was published" in status["error"]


def test_a_quantised_model_is_another_version_of_the_same_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = trained(tmp_path)
    monkeypatch.setattr(training, "run_epoch", lambda *_: pytest.fail("trained again"))
    assert world.run("--quantize", "int8") == 0
    told = "agrees with the float model on 100.00 % of 8 validation images, which are too few"
    assert told in capsys.readouterr().err
    manifest = world.manifest(2)
    contract("manifest").validate(manifest)
    assert world.current() == 2
    assert manifest["quantization"]["images"] == 2 * COUNTS["val"]
    assert manifest["quantization"]["quantized_bytes"] == manifest["files"]["model.onnx"]["bytes"]
    assert manifest["quantization"]["float_bytes"] > 2 * manifest["quantization"]["quantized_bytes"]
    assert "## Quantisation" in (world.model / "2" / "card.md").read_text()
    assert sum(each["images"] for each in manifest["metrics"]["classes"]) == 2 * COUNTS["test"]
    assert world.trainer("list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith("  int8") for line in lines] == [True, False]
    monkeypatch.setattr(commands, "start_pipeline", untrainable)
    assert world.run("--quantize", "int8") == 0
    assert "version 2 of colours was trained on this data" in capsys.readouterr().err
    assert world.run("--switch") == 0
    assert world.current() == 1


def test_export_and_publish_quantise_as_run_does(tmp_path: Path) -> None:
    first, world = trained(tmp_path / "first"), trained(tmp_path / "second")
    assert first.run("--quantize", "int8") == 0
    assert world.trainer("export", "--quantize", "int8") == 0
    assert world.trainer("publish") == 0
    mine, its = world.manifest(2), first.manifest(2)
    assert mine["metrics"] == its["metrics"]
    for key in ("kind", "agreement", "difference"):
        assert mine["quantization"][key] == its["quantization"][key]
    assert mine["training"]["fingerprint"] == its["training"]["fingerprint"]
    assert weights(world.model / "2") == weights(first.model / "2")
    assert world.trainer("export") == 0
    assert world.trainer("publish") == 0
    assert weights(world.model / "3") == weights(world.model / "1")
    assert "quantization" not in world.manifest(3)


def add_an_outlier(world: World) -> None:
    """Gives a channel that no class reads so large a value that the others' steps vanish."""
    model = build_model(16, len(COLOURS))
    read_weights(world.run_folder() / BEST, model)
    *_, last = (each for each in model.layers if isinstance(each, keras.layers.BatchNormalization))
    scale, offset, mean, variance = last.get_weights()
    kernel, bias = model.get_layer("logits").get_weights()
    scale[0], offset[0], kernel[0] = 0, 1e6, 0
    last.set_weights([scale, offset, mean, variance])
    model.get_layer("logits").set_weights([kernel, bias])
    write_weights(world.run_folder() / BEST, model)


def test_a_model_that_quantises_badly_is_refused_and_can_be_published_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = trained(tmp_path)
    add_an_outlier(world)
    assert world.run("--quantize", "int8") == 4
    line = capsys.readouterr().err.splitlines()[-1]
    assert "the int8 model agrees with the float model on 50.00% of 8 validation images" in line
    assert "(at least 99% is needed); `trainer export` without --quantize exports" in line
    assert world.versions() == ["1"]
    assert (world.status()["state"], world.current()) == ("failed", 1)
    assert world.trainer("publish") == 3
    assert "nothing exported" in capsys.readouterr().err
    assert world.trainer("export") == 0
    assert world.trainer("publish") == 0
    assert "quantization" not in world.manifest(2)


def test_a_trained_normalisation_is_one_operator(tmp_path: Path) -> None:
    world = trained(tmp_path)
    kinds = [node.op_type for node in onnx.load(world.model / "1" / "model.onnx").graph.node]
    assert kinds.count("BatchNormalization") == 5  # behind the stem and each of four blocks
    assert kinds.count("Mul") == 2  # of the pixels and by the temperature


@pytest.mark.parametrize("command", ["fit", "export", "publish"])
def test_an_unprepared_dataset_is_told(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert World(tmp_path).trainer(command) == 3
    assert "prepare it first" in capsys.readouterr().err
    assert World(tmp_path).trainer(command, DATASET="") == 3
    assert "`trainer prepare` first" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["export", "publish"])
def test_an_untrained_dataset_is_told(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepared(tmp_path).trainer(command) == 3
    assert "`trainer fit --dataset colours` first" in capsys.readouterr().err


def test_another_image_size_than_was_prepared_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepared(tmp_path).trainer("fit", "--image-size", "24") == 3
    assert "not prepared at 24 x 24 pixels" in capsys.readouterr().err


def test_the_only_dataset_needs_no_name_and_several_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = prepared(tmp_path)
    assert commands.find_dataset(world.settings).name == NAME
    shutil.copytree(world.data, world.data.parent / "others")
    assert world.trainer("export", DATASET="") == 2
    assert "--dataset is needed, one of colours, others" in capsys.readouterr().err


def test_bad_data_fails_the_run_and_is_told(tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "notes.txt").write_text("no images")
    assert world.trainer("run", "--data", str(tmp_path / "notes.txt")) == 3
    status = world.status()
    contract("training").validate(status)
    assert status["state"] == "failed"
    assert "notes.txt" in status["error"]


@pytest.mark.parametrize("command", ["run", "prepare"])
@pytest.mark.parametrize("data", ["", "none", "https://[bad/", "s3://bucket/key"])
def test_data_that_is_not_there_leaves_nothing_behind(
    tmp_path: Path, command: str, data: str
) -> None:
    assert World(tmp_path).trainer(command, "--data", data) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [OSError(5, "broken"), RuntimeError(), ValueError("a\nb")])
def test_whatever_ends_a_run_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(preparation, "prepare", raising(error))
    world = World(tmp_path)
    if isinstance(error, OSError):
        assert world.run() == 75
    else:
        with pytest.raises(type(error)):
            world.run()
    status = world.status()
    contract("training").validate(status)
    assert (status["state"], bool(status["error"])) == ("failed", True)


def test_an_interruption_ends_the_run_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(preparation, "prepare", interrupted)
    world = World(tmp_path)
    assert world.run() == 130
    assert "interrupted; the same command goes on" in capsys.readouterr().err
    assert (world.status()["state"], world.status()["error"]) == ("failed", "interrupted")


def raising(error: Exception) -> object:
    def raise_it(*_: object, **__: object) -> None:
        raise error

    return raise_it


def test_prepare_tells_its_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = World(tmp_path)
    assert world.trainer("prepare", "--data", str(pictures())) == 0
    told = "colours: 42 images of 2 classes to train, 8 to validate, 10 to test; 0 dropped"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "arguments", "expected"),
    [
        ("digits", [], (32, 12, "glyph")),
        ("flowers", [], (128, 60, "photo")),
        ("./somewhere", [], (128, 60, "photo")),
        ("digits", ["--augment", "none"], (32, 12, "none")),
    ],
)
def test_options_suit_the_data_unless_given(
    data: str, arguments: list[str], expected: tuple[int, int, str]
) -> None:
    parsed = build_parser().parse_args(["run", "--data", data, *arguments])
    found = commands.choose_options(parsed, Settings(), data)
    assert (found.image_size, found.epochs, found.augmentation) == expected


def test_settings_go_before_what_suits_the_data() -> None:
    parsed = SimpleNamespace(augment=None)
    found = commands.choose_options(parsed, Settings(image_size=48, epochs=2, seed=7), "digits")  # type: ignore[arg-type] # all that is read of them
    assert (found.image_size, found.epochs, found.seed) == (48, 2, 7)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("digits", "digits"),
        ("/a/photos.tar.gz", "photos"),
        ("https://example.org/x/cats.zip?key=1#part", "cats"),
    ],
)
def test_a_dataset_has_a_name_before_its_source_is_opened(
    tmp_path: Path, data: str, name: str
) -> None:
    world = World(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise TrainerError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(preparation, "prepare", refuse)
        patch.setattr(commands, "check_data", lambda _: None)
        patch.setattr(TrainerError, "exit_code", 9, raising=False)
        assert world.trainer("run", "--data", data, DATASET="") == 9
    assert world.status()["dataset"] == name


def test_native_noise_at_the_start_is_kept_unless_it_fails(
    capfd: pytest.CaptureFixture[str],
) -> None:
    write_to_kept_stderr(b"noise")
    with pytest.raises(ZeroDivisionError):
        write_to_kept_stderr(b"reason", ZeroDivisionError())
    with pytest.raises(KeyboardInterrupt):
        write_to_kept_stderr(b"noise", KeyboardInterrupt())
    assert capfd.readouterr().err == "reason"


def write_to_kept_stderr(data: bytes, error: BaseException | None = None) -> None:
    with commands._stderr_kept():  # noqa: SLF001 - TensorFlow writes there only once a process
        os.write(2, data)
        if error:
            raise error


def test_run_without_data_leaves_a_model_of_other_data(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = trained(tmp_path)
    before = world.status()
    monkeypatch.setattr(commands, "start_pipeline", untrainable)
    assert world.trainer("run", EPOCHS="7") == 0
    assert "stays: `trainer run --data digits" in capfd.readouterr().err
    assert (world.versions(), world.status()) == (["1"], before)
