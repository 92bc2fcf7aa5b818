"""From an exported float model to one of 8-bit integers, and the check that both answer alike.

Quantisation is static: activations get the range that they have on images of the training split,
weights one scale a channel; the graph keeps its float operators with QuantizeLinear and
DequantizeLinear around them (QDQ), of which ONNX Runtime makes integer ones when it loads it.
The first convolution and the classes stay float: they cost little and lose most, and
probabilities of 8 bits would not even have the sum 1.
Weights use 7 of the 8 bits: processors without VNNI add two products in 16 bits, which 8 bits
overflow, and then what was checked here would answer otherwise where it is served.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.quant_utils import add_pre_process_metadata

from trainer import hints
from trainer.batches import in_batches
from trainer.card import Quantization
from trainer.errors import CheckError
from trainer.export import compare
from trainer.normalization import to_convolutions

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from trainer.console import Tell

LEAST_AGREEMENT = 0.99
FEW = 100  # images, of which a single one is over 1 - LEAST_AGREEMENT
CALIBRATION_IMAGES = 256  # 128 did as well on 338 flowers of 32 x 32 pixels, 64 did not


def quantize(path: Path, pixels: NDArray[np.uint8], seed: int, tell: Tell) -> None:
    """Replaces the float model in a file by its quantised form.

    Args:
        path: of the ONNX file; input, output, opset and free batch dimension stay.
        pixels: the training split, `[n, H, W, 3]`, n ≥ 1.
        seed: of the choice of images to calibrate with; equal ones give equal files.
        tell: is told the images that were seen.
    """
    model = onnx.load(path)
    to_convolutions(model.graph)
    add_pre_process_metadata(model)  # the operators are as they should be: nothing is to be fused
    quantize_static(
        model,
        path,
        _Reader(choose(pixels, seed), tell),
        nodes_to_quantize=_between_first_convolution_and_classes(model.graph),
        per_channel=True,
        reduce_range=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )
    onnx.checker.check_model(onnx.load(path), full_check=True)


def choose(pixels: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    """At most `CALIBRATION_IMAGES` of the images, in their order."""
    chosen = np.random.default_rng(seed).permutation(len(pixels))[:CALIBRATION_IMAGES]
    return pixels[np.sort(chosen)]


def check(
    kind: str,
    expected: NDArray[np.float32],
    found: NDArray[np.float32],
    sizes: tuple[int, int],
) -> Quantization:
    """Compares both models' probabilities `[n, classes]` for the validation split; n ≥ 1.

    Args:
        kind: one of `options.QUANTIZATIONS`.
        expected: the float model's.
        found: the quantised model's.
        sizes: of the float and the quantised file, in bytes.

    Raises:
        CheckError: fewer than `LEAST_AGREEMENT` get the same top class.
    """
    compared = compare(expected, found)
    agreement = 1 - compared.disagreements / compared.images
    if not (agreement >= LEAST_AGREEMENT and compared.difference <= 1):
        few = ", too few to judge by" if compared.images < FEW else ""
        raise CheckError(
            f"the {kind} model agrees with the float model on {agreement:.2%} of "
            f"{compared.images} validation images{few} (at least {LEAST_AGREEMENT:.0%} is needed); "
            f"`{hints.command('export')}` without --quantize exports the float model; "
            "nothing was published"
        )
    return Quantization(kind, agreement, compared.images, compared.difference, *sizes)


class _Reader(CalibrationDataReader):  # type: ignore[misc] # it comes without types
    """Hands out images a batch at a time; activations of all at once would fill the memory."""

    def __init__(self, pixels: NDArray[np.uint8], tell: Tell) -> None:
        self.batches = in_batches(pixels, size=16)
        self.done, self.total, self.tell = 0, len(pixels), tell

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next batch by the input's name, or None."""
        self.tell(self.done, self.total)
        batch = next(self.batches, None)
        if batch is None:
            return None
        self.done += len(batch)
        return {"image": batch}


def _between_first_convolution_and_classes(graph: onnx.GraphProto) -> list[str]:
    kinds = [node.op_type for node in graph.node]
    first = kinds.index("Conv")
    last = len(kinds) - kinds[::-1].index("Relu")
    return [node.name for node in graph.node][first + 1 : last]
