"""The demo's own calls to the page's proxy, as a browser would make them."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from demo.errors import DemoError

SECONDS = 10.0
PATIENCE = 1.0  # seconds: while it is asked, nothing else is looked at


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
        with connect(url, PATIENCE) as client:
            return client.get("/").is_success and client.get("/api/ready").is_success
    except httpx.HTTPError:
        return False


def classify_sample(url: str) -> Answer:
    """Classifies the first sample that was published with the current model.

    Raises:
        DemoError: something does not answer as it should.
    """
    try:
        with connect(f"{url}/api", SECONDS) as client:
            current = get(client, "/models").json()["current"]
            sample = get(client, f"/models/{current}").json()["samples"][0]
            image = get(client, f"/models/{current}/files/{sample['file']}").content
            answered = client.post("/predict", files={"file": (sample["file"], image)})
            answered.raise_for_status()
            content = answered.json()
            top = content["predictions"][0]["top"][0]
            return Answer(
                model=content["model"]["name"],
                version=content["model"]["version"],
                file=sample["file"],
                label=sample["label"],
                answer=top["label"],
                probability=float(top["probability"]),
            )
    except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
        raise DemoError(f"{url}: no answer to a sample image ({error!r})") from error


def connect(url: str, seconds: float) -> httpx.Client:
    """A client that goes straight to this machine, whatever proxy the environment names."""
    return httpx.Client(base_url=url, timeout=seconds, trust_env=False)


def get(client: httpx.Client, path: str) -> httpx.Response:
    """An answer, which must be a success."""
    response = client.get(path)
    response.raise_for_status()
    return response
