"""The published test images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True, slots=True)
class Sample:
    """A published test image that the model gets right."""

    name: str
    number: int
    label: str
    content: bytes


def find_sample(api: httpx.Client, manifest: dict[str, Any]) -> Sample:
    """The first sample that the model gets right."""
    version = manifest["version"]
    for number, published in enumerate(manifest["samples"], start=1):
        name, label = published["file"], published["label"]
        content = api.get(f"/models/{version}/files/{name}").raise_for_status().content
        answer = api.post("/predict", files={"file": (name, content)}).raise_for_status().json()
        if answer["predictions"][0]["top"][0]["label"] == label:
            return Sample(name, number, label, content)
    raise AssertionError("the model gets none of its samples right")
