"""The demo's own calls to the page's proxy, as a browser would make them."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from demo.errors import DemoError

SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One sample's class, and what the model makes of it."""

    model: str
    version: int
    file: str
    label: str
    answer: str
    probability: float


def is_ready(url: str) -> bool:
    """Whether the page answers and a model is served behind it."""
    try:
        page = httpx.get(url, timeout=SECONDS)
        return page.is_success and httpx.get(f"{url}/api/ready", timeout=SECONDS).is_success
    except httpx.TransportError:
        return False


def classify_sample(url: str) -> Answer:
    """Classifies the first sample that was published with the current model.

    Raises:
        DemoError: something does not answer as it should.
    """
    try:
        with httpx.Client(base_url=f"{url}/api", timeout=SECONDS) as client:
            current = _get(client, "/models").json()["current"]
            sample = _get(client, f"/models/{current}").json()["samples"][0]
            image = _get(client, f"/models/{current}/files/{sample['file']}").content
            answered = client.post("/predict", files={"file": (sample["file"], image)})
            answered.raise_for_status()
            content = answered.json()
            top = content["predictions"][0]["top"][0]
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        raise DemoError(f"{url}: no answer to a sample image ({error!r})") from error
    return Answer(
        model=content["model"]["name"],
        version=content["model"]["version"],
        file=sample["file"],
        label=sample["label"],
        answer=top["label"],
        probability=top["probability"],
    )


def _get(client: httpx.Client, path: str) -> httpx.Response:
    response = client.get(path)
    response.raise_for_status()
    return response
