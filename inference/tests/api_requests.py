"""One request at least for every answer that the API's description lists."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from conftest import picture

from inference.oip import JSON_LENGTH

MOST_BYTES = 1500

#: What the service has: nothing; a model, a version without labels, and a training; the same, but
#: the volume fails. SageMaker's routes are there or not.
EMPTY, SERVING, FAILING = "empty", "serving", "failing"

_FILE = "/models/{version}/files/{name}"
_PNG = {"content-type": "image/png"}
_JSON = {"content-type": "application/json"}
_TOO_LARGE = b" " * (MOST_BYTES + 1)
_IMAGE = {"name": "image", "datatype": "FP32", "shape": [1, 8, 8, 3], "data": [255.0] * 192}
_BEST = {"name": "probabilities", "parameters": {"classification": 2}}


@dataclass(frozen=True)
class Asked:
    """A request in a state of the service, and the answer's status.

    Attributes:
        template: the path as the description has it.
        more: what else the client sends.
    """

    state: str
    method: str
    template: str
    status: int
    path: str
    more: dict[str, Any] = field(default_factory=dict)
    hosted: bool = False

    def __str__(self) -> str:
        """As a test's name has it."""
        return f"{self.state}-{self.method} {self.path}-{self.status}"

    @property
    def answer(self) -> tuple[str, str, int]:
        """What the description lists."""
        return self.method, self.template, self.status


def requests() -> list[Asked]:
    """All of them."""
    gets = [*_own_gets(), *_protocol_gets("/v2/models/{name}", "/v2/models/golden")]
    gets += _protocol_gets("/v2/models/{name}/versions/{version}", "/v2/models/golden/versions/1")
    gets += [replace(each, template="/ping", path="/ping", hosted=True) for each in _readiness()]
    heads = [replace(each, method="HEAD") for each in gets if each.state != FAILING]
    return [
        *gets,
        *heads,
        *_classifying("/predict"),
        *(replace(each, hosted=True) for each in _classifying("/invocations")),
        *_inferring("/v2/models/{name}/infer", "/v2/models/golden/infer"),
        *_inferring(
            "/v2/models/{name}/versions/{version}/infer", "/v2/models/golden/versions/1/infer"
        ),
    ]


def _own_gets() -> list[Asked]:
    return [
        *_readiness(),
        Asked(EMPTY, "GET", "/ping", 200, "/ping"),
        Asked(EMPTY, "GET", "/models", 200, "/models"),
        Asked(SERVING, "GET", "/models", 200, "/models"),
        Asked(EMPTY, "GET", "/models/{version}", 404, "/models/1"),
        Asked(SERVING, "GET", "/models/{version}", 200, "/models/1"),
        Asked(SERVING, "GET", "/models/{version}", 404, "/models/2"),
        Asked(SERVING, "GET", "/models/{version}", 404, "/models/9"),
        Asked(SERVING, "GET", _FILE, 200, "/models/1/files/model-card.md"),
        Asked(SERVING, "GET", _FILE, 200, "/models/1/files/sample-red.png"),
        Asked(SERVING, "GET", _FILE, 404, "/models/1/files/none"),
        Asked(
            *(SERVING, "GET", _FILE, 304, "/models/1/files/model.onnx"),
            {"headers": {"if-none-match": "*"}},
        ),
        Asked(FAILING, "GET", _FILE, 503, "/models/1/files/model.onnx"),
        Asked(EMPTY, "GET", "/training", 404, "/training"),
        Asked(SERVING, "GET", "/training", 200, "/training"),
        Asked(SERVING, "GET", "/metrics", 200, "/metrics"),
        Asked(EMPTY, "GET", "/openapi.json", 200, "/openapi.json"),
        Asked(EMPTY, "GET", "/v2", 200, "/v2"),
        Asked(EMPTY, "GET", "/v2", 200, "/v2/"),
        Asked(EMPTY, "GET", "/v2/health/live", 200, "/v2/health/live"),
        Asked(EMPTY, "GET", "/v2/health/ready", 503, "/v2/health/ready"),
        Asked(SERVING, "GET", "/v2/health/ready", 200, "/v2/health/ready"),
    ]


def _readiness() -> list[Asked]:
    return [
        Asked(EMPTY, "GET", "/ready", 503, "/ready"),
        Asked(SERVING, "GET", "/ready", 200, "/ready"),
    ]


def _classifying(path: str) -> list[Asked]:
    def ask(status: int, state: str = SERVING, **more: Any) -> Asked:  # noqa: ANN401 - the client's
        return Asked(state, "POST", path, status, path, more)

    one = {"file": ("a.png", picture())}
    asked = [
        ask(503, EMPTY, files=one),
        ask(200, FAILING, files=one),
        ask(200, files=[("file", picture())] * 2),
        ask(200, content=picture(), headers=_PNG),
        ask(400, files={"file": b"x"}),
        ask(413, content=_TOO_LARGE, headers=_PNG),
        ask(415, content=b"x", headers={"content-type": "text/plain"}),
    ]
    if path == "/predict":
        asked += [ask(200, files=one, params={"top_k": 999_999_999})]
        asked += [ask(400, files=one, params={"top_k": 1_000_000_000})]
    return asked


def _protocol_gets(template: str, path: str) -> list[Asked]:
    other = path.replace("golden", "other")
    return [
        Asked(state, "GET", f"{template}{below}", status, f"{asked}{below}")
        for below in ("", "/ready")
        for state, status, asked in (
            (EMPTY, 503, path),
            (SERVING, 200, path),
            (SERVING, 404, other),
        )
    ]


def _inferring(template: str, path: str) -> list[Asked]:
    def ask(status: int, state: str = SERVING, **more: Any) -> Asked:  # noqa: ANN401 - the client's
        return Asked(state, "POST", template, status, path, more)

    known = ask(200, json={"id": "a", "inputs": [_IMAGE]})
    return [
        replace(known, state=EMPTY, status=503),
        known,
        ask(200, json={"inputs": [_IMAGE], "outputs": [_BEST]}),
        ask(200, content=bytes(192), headers={JSON_LENGTH: "0"}),
        ask(400, content=b"x", headers=_JSON),
        replace(known, status=404, path=path.replace("golden", "other")),
        ask(413, content=_TOO_LARGE, headers=_JSON),
        ask(415, content=b"{}", headers=_JSON | {"content-encoding": "br"}),
    ]
