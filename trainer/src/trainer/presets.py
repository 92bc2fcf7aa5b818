"""Data that is known by a name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Augment = Literal["photo", "glyph", "none"]


@dataclass(frozen=True, slots=True)
class Preset:
    """Where a dataset comes from, and the settings that suit it.

    Attributes:
        url: an archive; None for the images that come with the trainer.
        bytes: the archive's size.
        sha256: the archive's hash, in hexadecimal.
        image_size: height and width to train at, in pixels.
        epochs: passes over the training split, at most.
        augment: what may be done to an image without changing its class: photos may be mirrored
            and cropped, glyphs only shifted and scaled a little.
        attribution: authors and licence, in one line.
    """

    name: str
    url: str | None
    bytes: int
    sha256: str
    image_size: int
    epochs: int
    augment: Augment
    attribution: str


DIGITS = Preset(
    name="digits",
    url=None,
    bytes=0,
    sha256="",
    image_size=32,
    epochs=12,
    augment="glyph",
    attribution=(
        "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine "
        "Learning Repository (1998), doi.org/10.24432/C50P49, CC BY 4.0"
    ),
)
FLOWERS = Preset(
    name="flowers",
    url=("https://storage.googleapis.com/download.tensorflow.org/example_images/flower_photos.tgz"),
    bytes=228_813_984,
    sha256="4c54ace7911aaffe13a365c34f650e71dd5bf1be0a58b464e5a7183e3e595d9c",
    image_size=128,
    epochs=60,
    augment="photo",
    attribution=(
        "TensorFlow flower photos, by their photographers on Flickr (listed in the archive's "
        "LICENSE.txt), CC BY 2.0"
    ),
)
PRESETS = {preset.name: preset for preset in (DIGITS, FLOWERS)}


def find_preset(data: str) -> Preset | None:
    """The preset of this name; a folder of the same name is meant by `./<name>`."""
    return PRESETS.get(data)
