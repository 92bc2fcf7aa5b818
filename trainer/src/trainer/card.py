"""The model card: what a published version is, in Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer.dataset import Dataset
    from trainer.evaluation import Evaluation
    from trainer.options import Options
    from trainer.runs import Outcome


@dataclass(frozen=True, slots=True)
class Quantization:
    """What a quantised model is, beside the float model that it was made of.

    Attributes:
        kind: one of `options.QUANTIZATIONS`.
        agreement: share of the validation images that both give the same top class.
        images: validation images.
        difference: the largest of any probability.
        float_bytes: size of the float model's file.
        quantized_bytes: size of the quantised model's file.
    """

    kind: str
    agreement: float
    images: int
    difference: float
    float_bytes: int
    quantized_bytes: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What a card and a manifest tell beside data, options and evaluation.

    Attributes:
        parameters: of the network, trained or not.
        difference: the largest between Keras' and ONNX Runtime's probabilities, as floats.
        quantization: what came of it; None for a float model.
    """

    model_name: str
    parameters: int
    outcome: Outcome
    validation_accuracy: float
    temperature: float
    difference: float
    quantization: Quantization | None = None


def write_card(dataset: Dataset, options: Options, evaluation: Evaluation, facts: Facts) -> str:
    """The card's text; its sections are those of M. Mitchell et al., "Model Cards" (2019)."""
    size = options.image_size
    sections = (
        f"# {facts.model_name}\n\nA residual CNN of {facts.parameters:,} parameters that tells "
        f"{len(dataset.classes)} classes of pictures apart, at {size} x {size} pixels.",
        "## Intended use\n\nPictures like those that it was trained on. Every picture gets one of "
        "the classes below, also one that shows none of them; a low probability is a hint.",
        _data_section(dataset),
        _results_section(dataset, evaluation, facts),
        *([_quantization_section(facts.quantization)] if facts.quantization else []),
        _training_section(options, facts),
    )
    return "\n\n".join(sections) + "\n"


def _data_section(dataset: Dataset) -> str:
    dropped = sum(dataset.dropped.values())
    lines = [
        "## Data",
        f"From {_inline(dataset.source)}: {len(dataset.train)} images to train, "
        f"{len(dataset.val)} to validate, {len(dataset.test)} to test, split by the hash of their "
        f"content; {dropped} dropped as unreadable, doubled or contradictory.",
        f"sha256 of images and labels: `{dataset.sha256}`",
    ]
    if dataset.attribution:
        lines.append(f"Attribution: {_inline(dataset.attribution)}")
    return "\n\n".join(lines)


def _results_section(dataset: Dataset, evaluation: Evaluation, facts: Facts) -> str:
    rows = "\n".join(
        f"| {_inline(score.label)} | {score.precision:.1%} | {score.recall:.1%} | {score.images} |"
        for score in evaluation.classes
    )
    return (
        f"## Results\n\nAccuracy {evaluation.accuracy:.2%} on the {len(dataset.test)} test images, "
        f"{facts.validation_accuracy:.2%} on the validation images. Expected calibration error "
        f"{evaluation.calibration_error:.2%} after temperature scaling by {facts.temperature:.2f}. "
        f"ONNX Runtime's probabilities{' as floats' if facts.quantization else ''} are within "
        f"{facts.difference:.0e} of Keras'.\n\n"
        f"| class | precision | recall | test images |\n|---|---|---|---|\n{rows}\n\n"
        "![Confusion matrix](confusion.png)"
    )


def _quantization_section(made: Quantization) -> str:
    return (
        f"## Quantisation\n\nThe weights and activations between the first convolution and the "
        f"classes are `{made.kind}`: {made.quantized_bytes:,} bytes, where the float model has "
        f"{made.float_bytes:,}. Both give the same top class for {made.agreement:.2%} of "
        f"{made.images} validation images; probabilities differ by up to {made.difference:.2f}. "
        "The results above are the quantised model's."
    )


def _training_section(options: Options, facts: Facts) -> str:
    outcome = facts.outcome
    return (
        f"## Training\n\n{outcome.epochs} epochs of at most {options.epochs} in "
        f"{outcome.seconds:.0f} s on {outcome.device}, the best being epoch {outcome.best_epoch}; "
        f"AdamW at {options.learning_rate:g}, batches of {options.batch_size}, "
        f"augmentation `{options.augmentation}`, seed {options.seed}."
    )


def _inline(text: str) -> str:
    """Text from outside, so that it cannot be read as Markdown or HTML."""
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]<>|#!&~$" else letter for letter in text)
    return " ".join(escaped.split())
