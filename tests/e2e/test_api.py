"""The API as the page's proxy shows it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from pictures import huge_png

if TYPE_CHECKING:
    import httpx

    from samples import Sample

TOO_MANY_BYTES = 21 * 2**20


def test_ready(api: httpx.Client, manifest: dict[str, Any]) -> None:
    model = {"name": manifest["name"], "version": manifest["version"]}
    assert api.get("/ready").json() == {"status": "ready", "model": model}
    assert api.get("/ping").json() == {"status": "ok"}


def test_models(api: httpx.Client, manifest: dict[str, Any]) -> None:
    listing = api.get("/models").json()
    assert (listing["name"], listing["current"]) == (manifest["name"], manifest["version"])
    (serving,) = [each for each in listing["versions"] if each["state"] == "serving"]
    assert serving["version"] == manifest["version"]
    assert serving["labels"] == manifest["labels"]
    assert serving["accuracy"] == pytest.approx(manifest["metrics"]["accuracy"])
    assert serving["accuracy"] > 0.5


def test_published_files(api: httpx.Client, manifest: dict[str, Any]) -> None:
    for name, facts in manifest["files"].items():
        answer = api.get(f"/models/{manifest['version']}/files/{name}")
        assert hashlib.sha256(answer.content).hexdigest() == facts["sha256"], name
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in answer.headers["cache-control"]


def test_training(api: httpx.Client) -> None:
    assert api.get("/training").status_code in {200, 404}


def test_samples_are_classified_rightly(api: httpx.Client, manifest: dict[str, Any]) -> None:
    folder = f"/models/{manifest['version']}/files"
    samples = manifest["samples"]
    files = [
        ("file", (each["file"], api.get(f"{folder}/{each['file']}").content)) for each in samples
    ]
    answer = api.post("/predict", files=files).raise_for_status().json()
    assert answer["model"] == {"name": manifest["name"], "version": manifest["version"]}
    predictions = answer["predictions"]
    assert [each["filename"] for each in predictions] == [each["file"] for each in samples]
    right = [
        said["top"][0]["label"] == sample["label"]
        for said, sample in zip(predictions, samples, strict=True)
    ]
    assert sum(right) / len(right) >= 0.8


def test_a_raw_body_is_classified_like_a_form(api: httpx.Client, sample: Sample) -> None:
    headers = {"content-type": "image/png"}
    answer = api.post("/predict", content=sample.content, headers=headers).json()
    assert answer["predictions"][0]["filename"] is None
    assert answer["predictions"][0]["top"][0]["label"] == sample.label


@pytest.mark.parametrize("top_k", [1, 2, 1000])
def test_top_k(api: httpx.Client, manifest: dict[str, Any], sample: Sample, top_k: int) -> None:
    answer = api.post("/predict", params={"top_k": top_k}, files={"file": sample.content}).json()
    (prediction,) = answer["predictions"]
    likely = [each["probability"] for each in prediction["top"]]
    assert len(likely) == min(top_k, len(manifest["labels"]))
    assert likely == sorted(likely, reverse=True)
    assert sum(likely) <= 1.001


@pytest.mark.parametrize("top_k", ["0", "-1", "many", ""])
def test_a_wrong_top_k_is_refused(api: httpx.Client, sample: Sample, top_k: str) -> None:
    answer = api.post("/predict", params={"top_k": top_k}, files={"file": sample.content})
    assert_refused(answer, 400, "bad_request")


@pytest.mark.parametrize("content", [b"no picture", b"", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(api: httpx.Client, content: bytes) -> None:
    answer = api.post("/predict", files={"file": ("picture.jpg", content)})
    assert_refused(answer, 400, "not_an_image")


def test_too_many_bytes_are_refused(api: httpx.Client) -> None:
    answer = api.post("/predict", files={"file": ("large.png", bytes(TOO_MANY_BYTES))})
    assert_refused(answer, 413, "too_large")


def test_too_many_pixels_are_refused(api: httpx.Client) -> None:
    answer = api.post("/predict", files={"file": ("huge.png", huge_png())})
    assert_refused(answer, 413, "too_large")


def test_what_is_no_upload_is_refused(api: httpx.Client) -> None:
    answer = api.post("/predict", content="{}", headers={"content-type": "application/json"})
    assert_refused(answer, 415, "unsupported_type")


def test_a_wrong_method_is_refused(api: httpx.Client) -> None:
    assert_refused(api.get("/predict"), 405, "method_not_allowed")


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/nothing", "/metrics", "/openapi.json", "/v2", "/v2/health/ready"),
        *("/models/%2e%2e/metrics", "/ready/x", "/models/0"),
        *("/models/1/files/nothing.png", "/models/1/files/..%2f..%2fcurrent.json"),
    ],
)
def test_there_is_nothing_else(base_url: str, api: httpx.Client, path: str) -> None:
    assert_refused(api.get(f"{base_url}/api{path}"), 404, "not_found")


def assert_refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    error = answer.json()["error"]
    assert error["code"] == code
    assert "\n" not in error["message"]
