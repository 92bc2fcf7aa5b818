"""A loaded model: an ONNX Runtime session with what its manifest says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
import onnxruntime

from inference.manifest import RepositoryError
from inference.onnx_file import has_external_data

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inference.manifest import Manifest

INPUT = "image"
OUTPUT = "probabilities"
LARGEST_BATCH = 8

_TOLERANCE = 1e-3


class ModelError(Exception):
    """The graph cannot be run; the message gives ONNX Runtime's reason in one line."""


@dataclass(frozen=True, slots=True)
class Model:
    """A version that can be asked for probabilities."""

    manifest: Manifest
    session: onnxruntime.InferenceSession

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Classify a batch.

        Args:
            images: `[N, height, width, 3]`.

        Returns:
            `[N, classes]`, to be checked by `are_probabilities`.

        Raises:
            ModelError: the graph fails on these images, or gives more or fewer rows.
        """
        try:
            rows = cast("NDArray[np.float32]", self.session.run([OUTPUT], {INPUT: images})[0])
        except Exception as error:  # ONNX Runtime raises types of its own for each kind of fault
            raise ModelError(_first_line(error)) from error
        if rows.shape != (len(images), len(self.manifest.labels)):
            raise ModelError(f"it gives shape {rows.shape} for a batch of {len(images)}")
        return rows


def are_probabilities(rows: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether each row's values are from 0 to 1 and have the sum 1, and none is NaN.

    Args:
        rows: `[N, classes]`.

    Returns:
        `[N]`.
    """
    with np.errstate(invalid="ignore"):  # infinite values have no sum
        near = np.abs(rows.sum(axis=1) - 1) <= _TOLERANCE
    inside = (rows.min(axis=1) >= -_TOLERANCE) & (rows.max(axis=1) <= 1 + _TOLERANCE)
    return cast("NDArray[np.bool_]", near & inside)


def load(content: bytes, manifest: Manifest, threads: int) -> Model:
    """Make a session of a model.onnx and warm it up.

    Raises:
        RepositoryError: the graph cannot be used, or is not what the manifest says.
    """
    try:
        _refuse_external_data(content)
        session = _session(content, threads)
        _check_signature(session, manifest)
        model = Model(manifest, session)
        _warm_up(model)
    except RepositoryError:
        raise
    except Exception as error:  # ONNX Runtime raises types of its own for each kind of fault
        raise RepositoryError(f"model.onnx cannot be loaded: {_first_line(error)}") from error
    return model


def _refuse_external_data(content: bytes) -> None:
    if has_external_data(content):
        raise RepositoryError("model.onnx keeps data outside itself, which is not allowed")


def _session(content: bytes, threads: int) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = True  # seen: 121 MB resident with it, 195 without
    # Patterns are kept for each size of batch: seen, 11 MB for no time that could be measured.
    options.enable_mem_pattern = False
    options.log_severity_level = 4  # its own log lines would break up this service's
    # Threads that spin between two requests burn the CPU quota that decoding needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Its own format, which it would guess from the first bytes, is not looked into beforehand.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    # It keeps the file for a fallback to other providers, of which there is none.
    session._model_bytes = None  # noqa: SLF001 - there is no public way
    return session


def _check_signature(session: onnxruntime.InferenceSession, manifest: Manifest) -> None:
    _, *pixels = _only(session.get_inputs(), INPUT, "tensor(uint8)")
    if pixels != [manifest.height, manifest.width, 3]:
        raise RepositoryError(
            f"the graph takes {pixels}, but the manifest says {manifest.height} x {manifest.width}"
        )
    _, *classes = _only(session.get_outputs(), OUTPUT, "tensor(float)")
    if classes != [len(manifest.labels)]:
        raise RepositoryError(
            f"the graph gives {classes} classes, but the manifest has {len(manifest.labels)}"
        )


def _only(found: list[onnxruntime.NodeArg], name: str, kind: str) -> list[object]:
    """The shape of the graph's single input or output."""
    if [(each.name, each.type) for each in found] != [(name, kind)]:
        told = ", ".join(f"{each.name} {each.type}" for each in found)
        raise RepositoryError(f"the graph has {told}, where it must have {name} {kind} alone")
    shape = list(found[0].shape)
    if not shape or isinstance(shape[0], int):
        raise RepositoryError(f"the batch dimension of {name} is fixed to {shape[:1]}")
    return shape


def _warm_up(model: Model) -> None:
    """The first run of each batch size allocates; better now than in a request."""
    noise = np.random.default_rng(0)
    for size in (1, LARGEST_BATCH):
        shape = (size, model.manifest.height, model.manifest.width, 3)
        rows = model.probabilities(noise.integers(0, 256, shape, dtype=np.uint8))
        if not are_probabilities(rows).all():
            raise RepositoryError("the graph gives values that are no probabilities")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
