"""The model servers that are measured side by side: how each is started, asked and ended."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / "benchmarks/peers"
BOUNDARY = "boundary-of-a-benchmark"
OK = 200
MOST_START_SECONDS, MOST_STOP_SECONDS, POLL_SECONDS = 60.0, 15.0, 0.005


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
        "LOG_LEVEL": "warning",
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
            *("--workers", "1", "--threads", "4"),
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
class Server:
    """One that runs.

    Attributes:
        began: when its process was started, as `time.perf_counter` tells.
        log: what it writes.
    """

    contender: Contender
    process: subprocess.Popen[bytes]
    port: int
    began: float
    log: Path


@dataclass(frozen=True, slots=True)
class Answer:
    """The class that a server finds most probable."""

    label: str
    probability: float


@contextmanager
def running(
    contender: Contender, version: Path, temporary: Path, cores: set[int]
) -> Iterator[Server]:
    """A server's processes, on these cores; all have ended afterwards.

    Args:
        contender: whose server.
        version: folder `<repository>/<name>/<version>` of a published model.
        temporary: folder for what the server writes.
        cores: that its processes may use.
    """
    ports = free_ports(3)
    values = dict(zip(("port", "port2", "port3"), map(str, ports), strict=True)) | {
        "folder": str(version),
        "name": version.parent.name,
        "repository": str(version.parents[1]),
        "temporary": str(temporary),
    }
    environment = {name: each.format(**values) for name, each in contender.environment.items()}
    command = [each.format(**values) for each in contender.command]
    log = temporary / f"{contender.name}.log"
    with log.open("wb") as file, on_cores(cores):
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=os.environ | environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Server(contender, process, ports[0], began, log)
    finally:
        end(process)


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """Binds this process, and what it starts meanwhile, to some cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a server in its own way, and whatever it leaves by force."""
    started = tree(process.pid)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(MOST_STOP_SECONDS)
    for pid in started:
        if process.poll() is None or os.path.exists(f"/proc/{pid}"):  # noqa: PTH110 - no file
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.wait()


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(path.read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(path.parent.name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found


def proportional_megabytes(pid: int) -> float:
    """Memory of a process and its descendants, in units of a million bytes.

    Pages that several processes share count in shares (PSS), as proc(5) tells.
    """
    kilobytes = 0
    for each in tree(pid):
        with suppress(OSError):
            kilobytes += parse_pss(Path(f"/proc/{each}/smaps_rollup").read_text())
    return kilobytes * 1024 / 1e6


def processor_seconds(pid: int) -> float:
    """What a process and its descendants have used of the processor, their own and the system's."""
    ticks = 0
    for each in tree(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def parse_pss(rollup: str) -> int:
    """The line `Pss` of a smaps_rollup, in kB."""
    return sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


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


def first_answer(server: Server, photo: bytes) -> float:
    """Seconds from the start of a server's process until it has classified an image.

    Raises:
        SystemExit: it ends, or does not begin to answer.
    """
    while time.perf_counter() - server.began < MOST_START_SECONDS:
        if server.process.poll() is not None:
            break
        with suppress(OSError, HTTPException, ValueError):
            ask(server, photo)
            return time.perf_counter() - server.began
        time.sleep(POLL_SECONDS)
    last = server.log.read_text(errors="replace").strip().splitlines()[-15:]
    raise SystemExit("\n".join([*last, f"{server.contender.title} does not answer; why is above"]))


def ask(server: Server, photo: bytes) -> Answer:
    """What a server says of an image.

    Raises:
        OSError: there is no server, or none that answers.
        ValueError: the answer tells no class.
    """
    kind, body = encode(server.contender.form, photo)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=MOST_START_SECONDS)
    try:
        connection.request("POST", server.contender.path, body, {"Content-Type": kind})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != OK:
        raise ValueError(f"status {answer.status}: {content[:200]!r}")
    return parse_answer(content)


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
