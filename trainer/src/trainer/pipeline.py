"""What is done with a prepared dataset: fit, export, publish."""

from __future__ import annotations

import json
import logging
import shutil
from typing import TYPE_CHECKING

import keras
import tensorflow as tf

from trainer import evaluation, export, repository, runs, samples, training
from trainer.card import CardFacts, write_card
from trainer.checkpoints import BEST, HISTORY
from trainer.confusion import draw_confusion
from trainer.console import progress
from trainer.dataset import split_labels, split_pixels
from trainer.draft import draft_manifest
from trainer.errors import DataError, TemporaryError
from trainer.model import build_model
from trainer.watch import Watcher

if TYPE_CHECKING:
    from pathlib import Path

    from trainer.dataset import Dataset
    from trainer.runs import Run
    from trainer.settings import Settings
    from trainer.split import Split
    from trainer.status import StatusWriter

_log = logging.getLogger(__name__)


def fit(dataset: Dataset, run: Run, status: StatusWriter, tensorboard: Path | None = None) -> None:
    """Trains, or goes on with a training that was interrupted.

    Raises:
        TemporaryError: TensorFlow failed, as for a full disk.
    """
    size = run.options.image_size
    task = training.Task(
        train=examples(dataset, "train", size),
        val=examples(dataset, "val", size),
        classes=len(dataset.classes),
    )
    with progress("train") as tell:
        watcher = Watcher(run.options.epochs, status, tell, tensorboard)
        try:
            fitted = training.fit(task, run.options, run.folder, watcher)
        except tf.errors.OpError as error:
            reason = str(error.message).splitlines()[0]
            raise TemporaryError(f"{run.folder}: training stopped: {reason}") from error
    seconds = sum(epoch.seconds for epoch in fitted.history)
    runs.write_outcome(
        run, runs.outcome(seconds, len(fitted.history), fitted.best_epoch, fitted.device)
    )


def export_run(dataset: Dataset, run: Run, settings: Settings) -> None:
    """Exports the run's best model, checks it and writes its reports.

    Raises:
        CheckError: ONNX Runtime and Keras do not agree.
        DataError: the training has not finished, or there is nothing to test with.
    """
    outcome = runs.read_outcome(run)
    if not dataset.test:
        raise DataError(f"{dataset.folder}: no image fell into the test split; add images")
    size = run.options.image_size
    val, test = examples(dataset, "val", size), examples(dataset, "test", size)
    keras.mixed_precision.set_dtype_policy("float32")
    model = build_model(size, len(dataset.classes))
    model.load_weights(run.folder / BEST)
    forward = training.build_forward(model)
    val_logits = training.predict_logits(forward, val.pixels)
    temperature = evaluation.fit_temperature(val_logits, val.labels)
    on_val = evaluation.evaluate(val_logits, val.labels, dataset.classes, temperature)
    test_logits = training.predict_logits(forward, test.pixels)
    on_test = evaluation.evaluate(test_logits, test.labels, dataset.classes, temperature)

    run.draft.unlink(missing_ok=True)
    shutil.rmtree(run.export_folder, ignore_errors=True)
    run.export_folder.mkdir(parents=True)
    classify = export.build_classifier(model, temperature)
    export.export(classify, size, run.export_folder / "model.onnx")
    checked = export.check(classify, run.export_folder / "model.onnx", val.pixels)
    _log.info(
        "ONNX Runtime agrees with Keras on %d validation images; largest difference %.0e",
        checked.images,
        checked.difference,
    )
    facts = CardFacts(
        model_name=settings.model_name,
        parameters=model.count_params(),
        epochs=outcome.epochs,
        best_epoch=outcome.best_epoch,
        seconds=outcome.seconds,
        device=outcome.device,
        validation_accuracy=on_val.accuracy,
        temperature=temperature,
        difference=checked.difference,
    )
    _write_reports(dataset, run, on_test, facts)
    shown = samples.copy_samples(dataset, settings.images_dir, run.export_folder)
    content = draft_manifest(dataset, run, on_test, facts, tf.__version__) | {"samples": shown}
    run.draft.write_text(json.dumps(content, indent=2), encoding="utf-8")
    _log.info("test accuracy %.2f %% on %d images", 100 * on_test.accuracy, len(dataset.test))


def publish_run(run: Run, settings: Settings) -> int:
    """Publishes what was exported, and returns its version.

    Raises:
        DataError: nothing was exported.
        TemporaryError: the model volume cannot be written.
    """
    try:
        content = json.loads(run.draft.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{run.folder}: nothing exported; `trainer export` first") from error
    files = {path.name: path for path in sorted(run.export_folder.iterdir())}
    return repository.publish(settings.model_dir, settings.model_name, files, content)


def examples(dataset: Dataset, split: Split, size: int) -> training.Examples:
    """One split's pixels, mapped from the cache, with its labels."""
    return training.Examples(split_pixels(dataset, split, size), split_labels(dataset, split))


def _write_reports(
    dataset: Dataset, run: Run, on_test: evaluation.Evaluation, facts: CardFacts
) -> None:
    folder = run.export_folder
    confusion = {"labels": dataset.classes, "confusion": on_test.confusion.tolist()}
    (folder / "confusion.json").write_text(json.dumps(confusion), encoding="utf-8")
    draw_confusion(on_test.confusion, dataset.classes).save(folder / "confusion.png")
    shutil.copyfile(run.folder / HISTORY, folder / HISTORY)
    card = write_card(dataset, run.options, on_test, facts)
    (folder / "card.md").write_text(card, encoding="utf-8")
