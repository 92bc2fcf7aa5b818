"""What Prometheus is told, in a registry of the application's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from inference.errors import BusyError, ModelFaultError, NoModelError, TimedOutError

if TYPE_CHECKING:
    from inference.manifest import Manifest

METHODS = ("GET", "HEAD", "POST")
OTHER = "other"

_MOST_LABELS = 1_000
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters, gauges and histograms of one application."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "inference_requests",
            "Requests answered.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._refusals = Counter(
            "inference_refusals",
            "Requests refused, by the error code that the answer has.",
            ("code",),
            registry=registry,
        )
        for error in (BusyError, ModelFaultError, NoModelError, TimedOutError):
            self._refusals.labels(error.code)  # no rate shows the first one without a zero before
        self._seconds = Histogram(
            "inference_request_seconds",
            "From a request's head to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch_images = Histogram(
            "inference_batch_images",
            "Images in one run of the model.",
            buckets=range(1, 9),
            registry=registry,
        )
        self.queue_images = Gauge(
            "inference_queue_images",
            "Images that are worked on or wait.",
            registry=registry,
        )
        self._predictions = Counter(
            "inference_predictions",
            f"Images by their most probable class; classes beyond {_MOST_LABELS} are `{OTHER}`.",
            ("label",),
            registry=registry,
        )
        self._model = Gauge(
            "inference_model_info", "The model served.", ("name", "version"), registry=registry
        )
        self.load_failures = Counter(
            "inference_model_load_failures",
            "Faults found in the model repository, each counted once.",
            registry=registry,
        )
        self.polled = Gauge(
            "inference_repository_read_timestamp_seconds",
            "When the model repository was last read without a fault of the volume.",
            registry=registry,
        )
        # Looking a series up costs more than counting in it.
        self._answered: dict[tuple[str, str, int], Counter] = {}
        self._took: dict[str, Histogram] = {}
        self._predicted: dict[str, Counter] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        known = (method if method in METHODS else OTHER, route, status)
        if known not in self._answered:
            self._answered[known] = self._requests.labels(known[0], route, str(status))
            self._took[route] = self._seconds.labels(route)
        self._answered[known].inc()
        self._took[route].observe(seconds)

    def refusal(self, code: str) -> None:
        """Count a request that a route refused."""
        self._refusals.labels(code).inc()

    def prediction(self, label: str) -> None:
        """Count an image's most probable class."""
        if label not in self._predicted:
            if len(self._predicted) >= _MOST_LABELS:
                label = OTHER
            self._predicted[label] = self._predictions.labels(label)
        self._predicted[label].inc()

    def serving(self, name: str, manifest: Manifest) -> None:
        """Tell which version is served from now on."""
        self._model.clear()
        self._model.labels(name, str(manifest.version)).set(1)

    def text(self) -> bytes:
        """All of it, in the text format 0.0.4."""
        return generate_latest(self._registry)
