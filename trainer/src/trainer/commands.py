"""What each sub-command does, in the order of the steps."""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainer import hints, preparation, repository, runs
from trainer.console import progress
from trainer.cpu import available_cores
from trainer.dataset import read_dataset
from trainer.errors import DataError, SettingsError
from trainer.options import Options, published_fingerprint
from trainer.presets import find_preset
from trainer.publishing import publish_run
from trainer.sources import check_data, source_name
from trainer.status import StatusWriter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from types import ModuleType

    from trainer.dataset import Dataset
    from trainer.runs import Run
    from trainer.settings import Settings
    from trainer.versions import Version

DEFAULT_DATA, DEFAULT_SIZE, DEFAULT_EPOCHS = "digits", 128, 60
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")

_log = logging.getLogger(__name__)


def run(arguments: argparse.Namespace, settings: Settings) -> None:
    """Everything, from images to a published version."""
    if arguments.data is None and stays(settings):
        return
    data = chosen_data(arguments)
    check_data(data)  # before anything is written, the status included
    options = choose_options(arguments, settings, data)
    name = settings.dataset or source_name(data)
    status = StatusWriter(settings.model_dir, settings.model_name, name, options.epochs)
    with _failure_told(status):
        status.write("preparing")
        dataset = prepare(arguments, settings)
        training = runs.open_run(dataset, options)
        known = repository.find_by_fingerprint(
            settings.model_dir,
            settings.model_name,
            published_fingerprint(training.fingerprint, arguments.quantize),
        )
        if known and not arguments.retrain:
            serve_known(known, settings, switch=arguments.switch)
            status.write("done", epoch=options.epochs, version=known.number)
            return
        if arguments.retrain:
            runs.forget(training)
        pipeline = start_pipeline()
        epochs = pipeline.fit(dataset, training, status, arguments.tensorboard).epochs
        status.write("exporting", epoch=epochs)
        pipeline.export_run(dataset, training, settings, arguments.quantize)
        status.write("publishing", epoch=epochs)
        version = publish_run(training, settings)
        status.write("done", epoch=epochs, version=version)
    _tell_published(settings, version)


def chosen_data(arguments: argparse.Namespace) -> str:
    """What `--data` names, or the bundled images."""
    return DEFAULT_DATA if arguments.data is None else str(arguments.data)


def stays(settings: Settings) -> bool:
    """Whether the current version is of other data than the default, which must not replace it."""
    current = repository.current(settings.model_dir, settings.model_name)
    trained_on = current.manifest.get("dataset") if current else None
    source = trained_on.get("source") if isinstance(trained_on, dict) else None
    if current is None or source in {None, DEFAULT_DATA}:
        return False
    _log.warning(
        "version %d of %s, trained on %s, stays: `%s` trains on the bundled images instead",
        current.number,
        settings.model_name,
        source,
        hints.command("run", "--data", DEFAULT_DATA, model_name=settings.model_name),
    )
    return True


def serve_known(known: Version, settings: Settings, *, switch: bool) -> None:
    """What is done with a version that was trained before on the same data in the same way."""
    version = f"version {known.number} of {settings.model_name}"
    told = f"{version} was trained on this data with these settings"
    if known.is_current:
        _log.info("%s: nothing to do (--retrain trains again)", told)
    elif switch:
        repository.rollback(settings.model_dir, settings.model_name, known.number)
        _log.info("%s, and is the current one again", told)
    else:
        switch_to = hints.command("rollback", str(known.number), model_name=settings.model_name)
        _log.warning("%s; `%s` makes it the current one", told, switch_to)


def prepare(arguments: argparse.Namespace, settings: Settings) -> Dataset:
    """Images, resized and split."""
    data = chosen_data(arguments)
    options = choose_options(arguments, settings, data)
    with progress("prepare") as tell:
        dataset = preparation.prepare(
            data,
            settings,
            size=options.image_size,
            allow_private=arguments.allow_private,
            on_progress=tell,
            on_download=lambda count, _: tell(0, None, f"{count / 1e6:,.0f} MB fetched"),
        )
    _log.info(
        "%s: %d images of %d classes to train, %d to validate, %d to test; %d dropped%s",
        dataset.name,
        len(dataset.train),
        len(dataset.classes),
        len(dataset.val),
        len(dataset.test),
        sum(dataset.dropped.values()),
        f" (see {dataset.folder / 'dropped.csv'})" if dataset.dropped else "",
    )
    return dataset


def fit(arguments: argparse.Namespace, settings: Settings) -> None:
    """A training, up to its best weights."""
    dataset = find_dataset(settings)
    options = choose_options(arguments, settings, dataset.source)
    training = runs.open_run(dataset, options)
    if arguments.retrain:
        runs.forget(training)
    status = StatusWriter(settings.model_dir, settings.model_name, dataset.name, options.epochs)
    with _failure_told(status):
        outcome = start_pipeline().fit(dataset, training, status, arguments.tensorboard)
        status.write("done", epoch=outcome.epochs)
    _tell_next("trained", training, "export", settings, dataset)


def export(arguments: argparse.Namespace, settings: Settings) -> None:
    """ONNX and reports of the training that finished last."""
    dataset = find_dataset(settings)
    training = runs.latest_run(dataset)
    start_pipeline().export_run(dataset, training, settings, arguments.quantize)
    _tell_next("exported", training, "publish", settings, dataset)


def publish(_: argparse.Namespace, settings: Settings) -> None:
    """The next version, from what was exported last."""
    training = runs.latest_run(find_dataset(settings))
    _tell_published(settings, publish_run(training, settings))


def show(_: argparse.Namespace, settings: Settings) -> None:
    """A line a version on stdout."""
    repository.check_model(settings.model_dir, settings.model_name)
    versions = repository.versions(settings.model_dir, settings.model_name)
    if not versions:
        next_command = hints.command("run", model_name=settings.model_name)
        _log.info("no version of %s yet; next: %s", settings.model_name, next_command)
    for version in versions:
        sys.stdout.write(describe(version) + "\n")


def describe(version: Version) -> str:
    """A line that tells a version: `*` before the current one."""
    mark = "*" if version.is_current else " "
    if version.problem:
        return f"{mark} {version.number:>4}  unusable: {version.problem}"
    manifest: Any = version.manifest
    try:
        accuracy, dataset = float(manifest["metrics"]["accuracy"]), str(manifest["dataset"]["name"])
    except (LookupError, TypeError, ValueError):
        return f"{mark} {version.number:>4}  unusable: its manifest lacks metrics or dataset"
    megabytes = version.size / 1e6
    quantization = manifest.get("quantization")
    kind = f"  {quantization.get('kind')}" if isinstance(quantization, dict) else ""
    return (
        f"{mark} {version.number:>4}  {version.created}  accuracy {accuracy:.1%}  "
        f"{megabytes:.1f} MB  {dataset}{kind}"
    )


def rollback(arguments: argparse.Namespace, settings: Settings) -> None:
    """The pointer, moved to an earlier version."""
    repository.check_model(settings.model_dir, settings.model_name)
    version = repository.rollback(settings.model_dir, settings.model_name, arguments.version)
    _log.info("version %d of %s is the current one now", version, settings.model_name)


def prune(arguments: argparse.Namespace, settings: Settings) -> None:
    """Old versions, removed."""
    repository.check_model(settings.model_dir, settings.model_name)
    removed = repository.prune(settings.model_dir, settings.model_name, arguments.keep)
    _log.info("removed %s", ", ".join(f"version {each}" for each in removed) or "nothing")


def choose_options(arguments: argparse.Namespace, settings: Settings, source: str) -> Options:
    """What the user chose, else what suits the source, else what suits photos."""
    preset = find_preset(source)
    return Options(
        image_size=settings.image_size or (preset.image_size if preset else DEFAULT_SIZE),
        epochs=settings.epochs or (preset.epochs if preset else DEFAULT_EPOCHS),
        seed=settings.seed,
        augmentation=getattr(arguments, "augment", None) or (preset.augment if preset else "photo"),
    )


def find_dataset(settings: Settings) -> Dataset:
    """The dataset that is named, or the only one there is.

    Raises:
        SettingsError: none is named, and there is not exactly one.
        DataError: it is not there, or damaged.
    """
    if settings.dataset:
        return read_dataset(settings.data_dir / settings.dataset)
    found = sorted(path.parent.name for path in settings.data_dir.glob("*/dataset.json"))
    if not found:
        raise DataError(
            f"{settings.data_dir}: no prepared dataset; `{hints.command('prepare')}` first"
        )
    if len(found) > 1:
        raise SettingsError(f"--dataset is needed, one of {', '.join(found)}")
    return read_dataset(settings.data_dir / found[0])


def start_pipeline() -> ModuleType:
    """The steps that need TensorFlow, whose import takes seconds and says things to nobody."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    for variable in THREADS:  # which TensorFlow would else take by the machine's cores
        os.environ.setdefault(variable, str(available_cores()))
    _log.info("starting TensorFlow")
    with _stderr_kept():
        from trainer import pipeline  # noqa: PLC0415 - list and rollback must not wait for it
    return pipeline


@contextmanager
def _stderr_kept() -> Iterator[None]:
    """Keeps what native code writes to stderr while it starts, and shows it only on a failure."""
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except Exception:  # a stop is none of its doing
            kept.seek(0)
            os.write(stderr, kept.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


@contextmanager
def _failure_told(status: StatusWriter) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        status.write("failed", error="interrupted")
        raise
    except Exception as error:
        status.write("failed", error=str(error) or type(error).__name__)
        raise


def _tell_next(done: str, training: Run, step: str, settings: Settings, dataset: Dataset) -> None:
    command = hints.command(step, "--dataset", dataset.name, model_name=settings.model_name)
    _log.info("%s: %s; next: %s", done, training.folder, command)


def _tell_published(settings: Settings, version: int) -> None:
    folder = settings.model_dir / settings.model_name / str(version)
    _log.info("version %d of %s is published: %s", version, settings.model_name, folder)
