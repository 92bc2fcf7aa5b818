from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import onnx
import pytest
from onnx import helper
from PIL import Image
from starlette.testclient import TestClient

from inference.app import create_app
from inference.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inference.service import Service

# How long an example takes says more about the machine than about the code.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

CONTRACT = Path(__file__).parents[2] / "tests" / "contract"
GOLDEN = CONTRACT / "golden"
Edit = Callable[[dict[str, Any]], object]


@dataclass(frozen=True)
class Shelf:
    """A model repository that a test fills with versions of the golden model."""

    root: Path

    @property
    def folder(self) -> Path:
        return self.root / "golden"

    def publish(
        self,
        version: int = 1,
        edit: Edit = lambda _manifest: None,
        files: dict[str, bytes] | None = None,
        *,
        point: bool = True,
    ) -> Path:
        """Write a version; `files` replace the golden ones and are listed as they are."""
        folder = self.folder / str(version)
        shutil.copytree(GOLDEN / "model" / "good" / "golden" / "2", folder)
        manifest = json.loads((folder / "manifest.json").read_bytes())
        manifest["version"] = version
        for name, content in (files or {}).items():
            (folder / name).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            manifest["files"][name] = {"bytes": len(content), "sha256": digest}
        edit(manifest)
        (folder / "manifest.json").write_text(json.dumps(manifest))
        if point:
            self.point(version)
        return folder

    def point(self, version: int) -> None:
        raw = (self.folder / str(version) / "manifest.json").read_bytes()
        digest = hashlib.sha256(raw).hexdigest()
        pointer = {"format": 1, "version": version, "manifest_sha256": digest}
        self.replace("current.json", json.dumps(pointer).encode())

    def replace(self, name: str, content: bytes) -> None:
        """Replace a file as the trainer does, by rename."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".staging-{name}"
        draft.write_bytes(content)
        draft.rename(self.folder / name)

    def settings(self, **changes: Any) -> Settings:  # noqa: ANN401 - any field's type
        # The tests poll by hand; the thread's own second look never comes.
        fixed = Settings("golden", self.root, model_poll_seconds=86_400.0)
        return replace(fixed, **changes)


@dataclass(frozen=True)
class Running:
    """An application in its lifespan, after the first poll."""

    client: TestClient
    service: Service

    def poll(self) -> None:
        self.service.watcher.poll()


Start = Callable[..., Running]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "model")


@pytest.fixture
def start(shelf: Shelf) -> Iterator[Start]:
    """Start an application over the shelf, perhaps as SageMaker has it; keywords are settings."""
    with contextlib.ExitStack() as stack:

        def run(*, hosted: bool = False, **changes: object) -> Running:
            app = create_app(shelf.settings(**changes), hosted=hosted)
            client = stack.enter_context(TestClient(app))
            assert app.state.service.watcher.looked.wait(30)
            return Running(client, app.state.service)

        yield run


def picture(colour: str = "red", kind: str = "PNG", **options: object) -> bytes:
    """An encoded picture of one colour."""
    file = io.BytesIO()
    Image.new("RGB", (20, 10), colour).save(file, kind, **options)
    return file.getvalue()


def nan_of_black() -> bytes:
    """The golden graph, but with the logarithms of its scores: of black, the softmax is NaN."""
    model = onnx.load(GOLDEN / "model" / "good" / "golden" / "2" / "model.onnx")
    softmax = model.graph.node.pop()
    model.graph.node.append(helper.make_node("Log", list(softmax.input), ["logarithms"]))
    model.graph.node.append(helper.make_node("Softmax", ["logarithms"], list(softmax.output)))
    return bytes(model.SerializeToString())
