"""What is done with a prepared dataset: fit, export, publish."""

from __future__ import annotations

import json
import logging
import math
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import keras
import numpy as np
import tensorflow as tf

from trainer import evaluation, export, quantization, runs, samples, training
from trainer.batches import Examples, build_forward, predict_logits
from trainer.card import Facts, write_card
from trainer.checkpoints import BEST, HISTORY, read_weights
from trainer.confusion import draw_confusion
from trainer.console import progress
from trainer.dataset import split_labels, split_pixels
from trainer.draft import draft_manifest
from trainer.errors import DataError, TemporaryError
from trainer.model import build_model
from trainer.storage import locked, writing
from trainer.versions import MODEL
from trainer.watch import Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from trainer.card import Quantization
    from trainer.dataset import Dataset
    from trainer.runs import Outcome, Run
    from trainer.settings import Settings
    from trainer.split import Split
    from trainer.status import StatusWriter

_log = logging.getLogger(__name__)


def fit(
    dataset: Dataset, run: Run, status: StatusWriter, tensorboard: Path | None = None
) -> Outcome:
    """Trains, or goes on with a training that was interrupted.

    Raises:
        DataError: nothing was learned, or what an interrupted training left is damaged.
        SettingsError: the run's folder cannot be written.
        TemporaryError: TensorFlow failed, the disk is full, or another process trains here.
    """
    size = run.options.image_size
    task = training.Task(
        train=examples(dataset, "train", size),
        val=examples(dataset, "val", size),
        classes=len(dataset.classes),
    )
    with _told_in_one_line(run):
        run.folder.mkdir(parents=True, exist_ok=True)
    with locked(run.lock), progress("train") as tell, _told_in_one_line(run):
        watcher = Watcher(run.options.epochs, status, tell, tensorboard)
        fitted = training.fit(task, run.options, run.folder, watcher)
        best = training.best(fitted.history)
        if not math.isfinite(best.val_loss):
            raise DataError(
                f"{run.folder}: the loss was infinite in each epoch; try another --seed"
            )
        watcher.on_end(len(fitted.history), best)
        seconds = sum(epoch.seconds for epoch in fitted.history)
        outcome = runs.outcome(seconds, len(fitted.history), fitted.best_epoch, fitted.device)
        runs.write_outcome(run, outcome)
    return outcome


def export_run(dataset: Dataset, run: Run, settings: Settings, quantize: str | None = None) -> None:
    """Exports the run's best model, quantised or not, checks it and writes its reports.

    Raises:
        CheckError: ONNX Runtime and Keras, or the float and the quantised model, do not agree.
        DataError: the training has not finished, or there is nothing to test with.
        SettingsError: the run's folder cannot be written.
        TemporaryError: the disk is full.
    """
    outcome = runs.read_outcome(run)
    if not dataset.test:
        raise DataError(f"{dataset.folder}: no image fell into the test split; add images")
    model = _load_best(dataset, run)
    temperature, on_val, on_test = _evaluate(dataset, run, model)
    with _told_in_one_line(run):
        checked = _export_model(dataset, run, export.build_classifier(model, temperature))
        quantized = _quantize_model(dataset, run, quantize) if quantize else None
        if quantized:
            on_val, on_test = (_evaluate_exported(dataset, run, each) for each in ("val", "test"))
        facts = Facts(
            model_name=settings.model_name,
            parameters=model.count_params(),
            outcome=outcome,
            validation_accuracy=on_val.accuracy,
            temperature=temperature,
            difference=checked.difference,
            quantization=quantized,
        )
        _write_reports(dataset, run, on_test, facts)
        shown = samples.copy_samples(dataset, settings.images_dir, run.export_folder)
        content = draft_manifest(dataset, run, on_test, facts, tf.__version__) | {"samples": shown}
        run.draft.write_text(json.dumps(content, indent=2), encoding="utf-8")
    _log.info("test accuracy %.2f %% on %d images", 100 * on_test.accuracy, len(dataset.test))


def examples(dataset: Dataset, split: Split, size: int) -> Examples:
    """One split's pixels, mapped from the cache, with its labels."""
    return Examples(split_pixels(dataset, split, size), split_labels(dataset, split))


@contextmanager
def _told_in_one_line(run: Run) -> Iterator[None]:
    """Turns the failures of disks and of TensorFlow into one line that names the run."""
    try:
        with writing(run.folder):
            yield
    except tf.errors.OpError as error:
        reason = str(error.message).splitlines()[0]
        raise TemporaryError(f"{run.folder}: TensorFlow failed: {reason}; try again") from error


def _load_best(dataset: Dataset, run: Run) -> keras.Model:
    keras.mixed_precision.set_dtype_policy("float32")
    model = build_model(run.options.image_size, len(dataset.classes))
    read_weights(run.folder / BEST, model)
    return model


def _evaluate(
    dataset: Dataset, run: Run, model: keras.Model
) -> tuple[float, evaluation.Evaluation, evaluation.Evaluation]:
    """The temperature that suits the validation split, and both splits' scores with it."""
    size = run.options.image_size
    forward = build_forward(model)
    val, test = examples(dataset, "val", size), examples(dataset, "test", size)
    val_logits = predict_logits(forward, val.pixels)
    test_logits = predict_logits(forward, test.pixels)
    temperature = evaluation.fit_temperature(val_logits, val.labels)
    return (
        temperature,
        evaluation.evaluate(val_logits, val.labels, dataset.classes, temperature),
        evaluation.evaluate(test_logits, test.labels, dataset.classes, temperature),
    )


def _export_model(dataset: Dataset, run: Run, classify: export.Classifier) -> export.Check:
    run.draft.unlink(missing_ok=True)
    shutil.rmtree(run.export_folder, ignore_errors=True)
    run.export_folder.mkdir(parents=True)
    size, path = run.options.image_size, run.export_folder / MODEL
    export.export(classify, size, path)
    checked = export.check(classify, path, split_pixels(dataset, "val", size))
    _log.info(
        "ONNX Runtime agrees with Keras on %d validation images; largest difference %.0e",
        checked.images,
        checked.difference,
    )
    return checked


def _quantize_model(dataset: Dataset, run: Run, kind: str) -> Quantization:
    size, path = run.options.image_size, run.export_folder / MODEL
    val, float_bytes = split_pixels(dataset, "val", size), path.stat().st_size
    expected = export.answers(path, val)
    with progress("quantize") as tell:
        quantization.quantize(path, split_pixels(dataset, "train", size), run.options.seed, tell)
    found = export.answers(path, val)
    made = quantization.check(kind, expected, found, (float_bytes, path.stat().st_size))
    few = made.images < quantization.FEW
    _log.log(
        logging.WARNING if few else logging.INFO,
        "the %s model, %.2f MB instead of %.2f, agrees with the float model on %.2f %% of %d "
        "validation images%s",
        kind,
        made.quantized_bytes / 1e6,
        made.float_bytes / 1e6,
        100 * made.agreement,
        made.images,
        ", which are too few to judge by" if few else "",
    )
    return made


def _evaluate_exported(dataset: Dataset, run: Run, split: Split) -> evaluation.Evaluation:
    """The scores of the file that is published, whose temperature is in its graph."""
    here = examples(dataset, split, run.options.image_size)
    probabilities = export.answers(run.export_folder / MODEL, here.pixels)
    logits = np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
    return evaluation.evaluate(logits, here.labels, dataset.classes, temperature=1)


def _write_reports(
    dataset: Dataset, run: Run, on_test: evaluation.Evaluation, facts: Facts
) -> None:
    folder = run.export_folder
    confusion = {"labels": dataset.classes, "confusion": on_test.confusion.tolist()}
    (folder / "confusion.json").write_text(json.dumps(confusion), encoding="utf-8")
    draw_confusion(on_test.confusion, dataset.classes).save(folder / "confusion.png")
    # A loss that ran away is NaN in Python's history, for which JSON has no word.
    history = json.loads((run.folder / HISTORY).read_bytes(), parse_constant=lambda _: None)
    (folder / HISTORY).write_text(json.dumps(history, indent=1), encoding="utf-8")
    card = write_card(dataset, run.options, on_test, facts)
    (folder / "card.md").write_text(card, encoding="utf-8")
