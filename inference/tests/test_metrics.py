from __future__ import annotations

from typing import TYPE_CHECKING

from conftest import picture
from prometheus_client.parser import text_string_to_metric_families

from inference import metrics
from inference.metrics import Metrics

if TYPE_CHECKING:
    import pytest
    from conftest import Shelf, Start


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_happens_is_counted(shelf: Shelf, start: Start) -> None:
    shelf.publish(4)
    client = start().client
    client.post("/predict", files=[("file", picture("red"))] * 2)
    client.post("/predict", content=b"x", headers={"content-type": "image/png"})
    client.request("BREW", "/nowhere")
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = samples(answer.text)
    assert found["inference_requests_total", "POST", "/predict", "200"] == 1
    assert found["inference_requests_total", "POST", "/predict", "400"] == 1
    assert found["inference_requests_total", "other", "none", "404"] == 1
    assert found["inference_request_seconds_count", "/predict"] == 2
    assert found["inference_batch_images_sum",] == 2
    assert found["inference_queue_images",] == 0
    assert found["inference_predictions_total", "red"] == 2
    assert found["inference_model_info", "golden", "4"] == 1
    assert found["inference_model_load_failures_total",] == 0


def test_refusals_are_counted_by_code(start: Start) -> None:
    client = start().client
    before = samples(client.get("/metrics").text)
    client.get("/ready")
    client.get("/models/7")
    after = samples(client.get("/metrics").text)
    codes = ("busy", "model_fault", "no_model", "not_found", "timeout")
    counts = [
        [found.get(("inference_refusals_total", code)) for code in codes]
        for found in (before, after)
    ]
    assert counts == [[0, 0, 0, None, 0], [0, 0, 1, 1, 0]]


def test_only_the_served_version_is_told(shelf: Shelf, start: Start) -> None:
    shelf.publish(1)
    running = start()
    shelf.publish(2)
    running.poll()
    found = samples(running.client.get("/metrics").text)
    assert [key for key in found if key[0] == "inference_model_info"] == [
        ("inference_model_info", "golden", "2")
    ]


def test_classes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_MOST_LABELS", 2)
    made = Metrics()
    for label in ("a", "b", "c", "d", "a"):
        made.prediction(label)
    found = samples(made.text().decode())
    counts = {key[1]: n for key, n in found.items() if key[0] == "inference_predictions_total"}
    assert counts == {"a": 2, "b": 1, "other": 2}
