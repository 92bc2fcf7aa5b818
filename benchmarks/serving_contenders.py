"""The model servers that are measured side by side: how each is started and asked."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks/peers"
BOUNDARY = "boundary-of-a-benchmark"


@dataclass(frozen=True, slots=True)
class Form:
    """How an image is sent.

    Attributes:
        title: in a table.
        field: of a multipart form; None for a raw body.
        tensor: whether it is a tensor of the Open Inference Protocol, in base64.
    """

    title: str
    field: str | None = None
    tensor: bool = False


RAW = Form("raw body")
FILE = Form("multipart", field="file")
IMAGES = Form("multipart", field="images")
TENSOR = Form("base64 in JSON", tensor=True)


@dataclass(frozen=True, slots=True)
class Contender:
    """A model server.

    Attributes:
        name: on the command line.
        title: in a table.
        command: from the repository's root; `{port}`, `{port2}` and `{port3}` are free ones.
        environment: values may have ports and `{folder}`, that of the model's version.
        form: how it takes images.
        path: where.
        models: the folder with the models in its format.
    """

    name: str
    title: str
    command: tuple[str, ...]
    environment: dict[str, str]
    form: Form
    path: str = "/predict"
    models: str = "model"


_FOLDER = {"PORT": "{port}", "MODEL_FOLDER": "{folder}"}

OURS = Contender(
    "ours",
    "this server",
    (".nox/env_inference/bin/inference",),
    {
        "PORT": "{port}",
        "MODEL_DIR": "{repository}",
        "MODEL_NAME": "{name}",
        "QUEUE_SIZE": "128",  # as many as the most clients, so that none is refused
    },
    RAW,
)
CONTENDERS = (
    OURS,
    Contender(
        "litserve",
        "LitServe",
        (".nox/env_peer-litserve/bin/python", "benchmarks/peers/litserve/server.py"),
        _FOLDER,
        FILE,
    ),
    Contender(
        "mlserver",
        "MLServer",
        (".nox/env_peer-mlserver/bin/mlserver", "start", "benchmarks/peers/mlserver"),
        {
            "MLSERVER_HOST": "127.0.0.1",
            "MLSERVER_HTTP_PORT": "{port}",
            "MLSERVER_GRPC_PORT": "{port2}",
            "MLSERVER_METRICS_PORT": "{port3}",
            "MLSERVER_METRICS_DIR": "{temporary}",
            "MLSERVER_MODEL_URI": "{folder}",
        },
        TENSOR,
        "/v2/models/classifier/infer",
    ),
    Contender(
        "bentoml",
        "BentoML",
        (
            *(".nox/env_peer-bentoml/bin/bentoml", "serve", "server:Classifier"),
            *("--working-dir", "benchmarks/peers/bentoml"),
            *("--host", "127.0.0.1", "--port", "{port}"),
        ),
        {
            **_FOLDER,
            "BENTOML_DO_NOT_TRACK": "True",
            "BENTOML_HOME": "{temporary}",
        },
        IMAGES,
    ),
    Contender(
        "flask_onnxruntime",
        "Flask, gunicorn, ONNX Runtime",
        (
            *(".nox/env_peer-flask_onnxruntime/bin/gunicorn", "server:app"),
            *("--chdir", "benchmarks/peers/flask_onnxruntime", "--bind", "127.0.0.1:{port}"),
            *("--workers", "1", "--threads", "2"),
        ),
        _FOLDER,
        FILE,
    ),
    Contender(
        "flask_keras",
        "Flask, Keras",
        (".nox/env_peer-flask_keras/bin/python", "benchmarks/peers/flask_keras/server.py"),
        {**_FOLDER, "TF_CPP_MIN_LOG_LEVEL": "2"},
        FILE,
        models="keras",
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The class that a server finds most probable."""

    label: str
    probability: float


def request(contender: Contender, form: Form, photo: bytes) -> bytes:
    """A whole request, head and body."""
    kind, body = encode(form, photo)
    return (
        f"POST {contender.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def encode(form: Form, photo: bytes) -> tuple[str, bytes]:
    """The content type and the body for an image."""
    if form.tensor:
        tensor = {
            "name": "image",
            "shape": [1, 1],
            "datatype": "BYTES",
            "parameters": {"content_type": "base64"},
            "data": [base64.b64encode(photo).decode()],
        }
        return "application/json", json.dumps({"inputs": [tensor]}).encode()
    if form.field is None:
        return "image/jpeg", photo
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{form.field}"; '
        'filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    )
    body = head.encode() + photo + f"\r\n--{BOUNDARY}--\r\n".encode()
    return f"multipart/form-data; boundary={BOUNDARY}", body


def parse_answer(content: bytes) -> Answer:
    """The most probable class, in each contender's words.

    Raises:
        ValueError: there is none.
    """
    try:
        found = json.loads(content)
        if isinstance(found, list):  # BentoML's, one for each image
            (found,) = found
        if "outputs" in found:  # MLServer's
            found = json.loads(found["outputs"][0]["data"][0])
        if "predictions" in found:  # this server's
            found = found["predictions"][0]["top"][0]
        return Answer(str(found["label"]), float(found["probability"]))
    except (LookupError, TypeError) as error:
        raise ValueError(f"no answer: {content[:200]!r}") from error


def agree(first: Sequence[Answer], second: Sequence[Answer]) -> bool:
    """Whether two servers run the same model: alike for all images but one in eight.

    A class may differ where two are about as probable, a probability by rounding of pixels.
    """
    alike = [
        one.label == other.label and abs(one.probability - other.probability) <= 0.02  # noqa: PLR2004
        for one, other in zip(first, second, strict=True)
    ]
    return sum(alike) >= len(alike) * 7 / 8
