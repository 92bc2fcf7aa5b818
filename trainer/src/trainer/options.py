"""What decides how a model comes out, beside the data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from trainer import __version__
from trainer.recipes import STRETCH_BILINEAR


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far a training image may be changed; zero changes nothing.

    Attributes:
        flip: whether left and right may be exchanged.
        rotation: most, in degrees either way.
        zoom: most, as a fraction of the size, for height and width apart.
        shift: most, as a fraction of the size.
        colour: most change of brightness, contrast and saturation, as a fraction.
    """

    flip: bool = False
    rotation: float = 0.0
    zoom: float = 0.0
    shift: float = 0.0
    colour: float = 0.0


QUANTIZATIONS = ("int8",)
AUGMENTATIONS = {
    "photo": Augmentation(flip=True, rotation=20, zoom=0.25, shift=0.1, colour=0.25),
    "glyph": Augmentation(rotation=12, zoom=0.12, shift=0.08),
    "none": Augmentation(),
}


@dataclass(frozen=True, slots=True)
class Options:
    """How to train.

    Attributes:
        image_size: height and width in pixels.
        epochs: passes over the training split, at most.
        batch_size: images a step.
        seed: of the weights, the order and the augmentation.
        augmentation: a key of `AUGMENTATIONS`.
        learning_rate: the highest, after warm-up.
        weight_decay: of AdamW, on the weights of convolutions and of the dense layer.
        label_smoothing: share of a label that is spread over all classes.
        patience: epochs without a lower validation loss after which training ends.
    """

    image_size: int
    epochs: int
    batch_size: int = 32
    seed: int = 0
    augmentation: str = "photo"
    learning_rate: float = 2e-3
    weight_decay: float = 5e-3
    label_smoothing: float = 0.1
    patience: int = 20


def fingerprint(dataset_sha256: str, options: Options) -> str:
    """A name for the model that these images and options give: sha256, in hexadecimal."""
    decisive = {
        "dataset": dataset_sha256,
        "options": asdict(options),
        "recipe": STRETCH_BILINEAR,
        "trainer": __version__,
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()


def published_fingerprint(trained: str, quantize: str | None) -> str:
    """A name for what is published of a training: its own, unless the model is quantised.

    Args:
        trained: the training's fingerprint.
        quantize: one of `QUANTIZATIONS`, or None for the float model.
    """
    if quantize is None:
        return trained
    return hashlib.sha256(f"{trained} {quantize}".encode()).hexdigest()
