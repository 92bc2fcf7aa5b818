"""Runs in the trainer's image: publishes a version whose model is cut in half, as the next one.

Its files are as its manifest says, so nothing but loading the model finds out.
"""  # noqa: INP001 - a program for another image; nothing imports it

from __future__ import annotations

import hashlib
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from trainer.errors import DataError, TrainerError  # type: ignore[import-not-found] # the image's
from trainer.hints import command  # type: ignore[import-not-found] # the same
from trainer.logs import configure  # type: ignore[import-not-found] # the same
from trainer.repository import (  # type: ignore[import-not-found] # the same
    check_model,
    publish,
    versions,
)
from trainer.settings import read_settings  # type: ignore[import-not-found] # the same

MODEL = "model.onnx"

_log = logging.getLogger("drill")


def main() -> int:
    """Publish it, and tell its number and the way back."""
    try:
        settings = read_settings(os.environ)
        configure(settings)
        number, source = publish_corrupt(settings.model_dir, settings.model_name)
    except TrainerError as error:
        _log.error("%s", error)
        return int(error.exit_code)
    name = settings.model_name
    _log.info("version %d of %s is current: version %d with half a model", number, name, source)
    _log.info("next, to mend it: %s", command("rollback", str(source), model_name=name))
    return 0


def publish_corrupt(model_dir: Path, name: str) -> tuple[int, int]:
    """The new version's number, and that of the one it is made of."""
    check_model(model_dir, name)
    found = versions(model_dir, name)
    good = [each for each in found if not each.problem and "drill" not in each.manifest]
    if not good:
        raise DataError(f"no version of {name} is there that could be broken; train one first")
    source = next((each for each in good if each.is_current), good[0])
    content = (source.folder / MODEL).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        half = Path(folder, MODEL)
        half.write_bytes(content[: len(content) // 2])
        files = {file: source.folder / file for file in source.files} | {MODEL: half}
        return publish(model_dir, name, files, manifest(source)), source.number


def manifest(source: Any) -> dict[str, Any]:  # noqa: ANN401 - the trainer's type is not here
    """The source's, marked; a training with the same data must not take it for its own result."""
    written = {"format", "name", "version", "created", "files"}
    content = {key: value for key, value in source.manifest.items() if key not in written}
    fingerprint = hashlib.sha256(b"corrupt").hexdigest()
    training = {**content.get("training", {}), "fingerprint": fingerprint}
    return {**content, "training": training, "drill": "corrupt"}


if __name__ == "__main__":
    sys.exit(main())
