"""Runs in the trainer's container: does to the model volume what a line of its input says.

Two models take turns. Their graphs give the classes in opposite orders, and every label ends with
the model's letter: an answer that mixes two versions, in whatever way, has a label that neither
of them gives.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx  # type: ignore[import-not-found] # there in the trainer's image
from onnx import numpy_helper
from trainer.errors import TrainerError  # type: ignore[import-not-found] # the same
from trainer.publishing import publish  # type: ignore[import-not-found] # the same
from trainer.status import StatusWriter  # type: ignore[import-not-found] # the same

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path("/golden/1")
MODEL_DIR, NAME = Path(os.environ["MODEL_DIR"]), os.environ.get("MODEL_NAME") or "classifier"
BALLAST = MODEL_DIR / "ballast"
PADDING = 256 * 1024  # bytes beside the model, as reports and samples are


def main() -> None:
    """Answer each line with a version's number, or with the fault."""
    StatusWriter(MODEL_DIR, NAME, "colours", epochs=1).write("publishing", epoch=1)
    for line in sys.stdin:
        command, *arguments = line.split()
        try:
            result = COMMANDS[command](*arguments)
        except TrainerError as error:
            result = f"{error.exit_code} {error}"
        sys.stdout.write(f"{result}\n")
        sys.stdout.flush()


def publish_model(letter: str) -> int:
    """The next version, of model `a` or `b`."""
    return _publish(_graph(reverse=letter == "b").SerializeToString(), letter)


def publish_broken() -> int:
    """A version whose files are as its manifest says, and whose model is cut in half."""
    content = (GOLDEN / "model.onnx").read_bytes()
    return _publish(content[: len(content) // 2], "c")


def hide() -> int:
    """Take all rights to the model's folder away."""
    (MODEL_DIR / NAME).chmod(0)
    return 0


def show() -> int:
    """Give them back."""
    (MODEL_DIR / NAME).chmod(0o755)
    return 0


def fill() -> int:
    """Use up what room there is."""
    with suppress(OSError), BALLAST.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return 0


def drain() -> int:
    """Give the room back."""
    BALLAST.unlink()
    return 0


def list_names() -> str:
    """What lies in the model's folder."""
    return " ".join(sorted(path.name for path in (MODEL_DIR / NAME).iterdir()))


def _publish(model: bytes, letter: str) -> int:
    manifest: dict[str, Any] = json.loads((GOLDEN / "manifest.json").read_bytes())
    labels = manifest["labels"][:: -1 if letter == "b" else 1]
    manifest["labels"] = [f"{label}-{letter}" for label in labels]
    manifest["samples"] = []
    manifest["metrics"]["classes"] = [
        each | {"label": label}
        for each, label in zip(manifest["metrics"]["classes"], manifest["labels"], strict=True)
    ]
    for written in ("format", "name", "version", "created", "files"):
        del manifest[written]
    with tempfile.TemporaryDirectory() as folder:
        files = {"model.onnx": Path(folder, "model.onnx"), "padding.bin": Path(folder, "padding")}
        files["model.onnx"].write_bytes(model)
        files["padding.bin"].write_bytes(bytes(PADDING))
        number: int = publish(MODEL_DIR, NAME, files, manifest)
    return number


def _graph(*, reverse: bool) -> onnx.ModelProto:
    model = onnx.load(GOLDEN / "model.onnx")
    (swap,) = [each for each in model.graph.initializer if each.name == "swap"]
    if reverse:
        columns = numpy_helper.to_array(swap)[:, ::-1].copy()
        swap.CopyFrom(numpy_helper.from_array(columns, "swap"))
    return model


COMMANDS: dict[str, Callable[..., object]] = {
    "publish": publish_model,
    "break": publish_broken,
    "hide": hide,
    "show": show,
    "fill": fill,
    "drain": drain,
    "names": list_names,
}

if __name__ == "__main__":
    main()
