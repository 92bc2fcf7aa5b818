"""The processes of a model server: started on some cores, asked, measured and ended."""

from __future__ import annotations

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

from serving_contenders import ROOT, encode, parse_answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from serving_contenders import Answer, Contender

OK = 200
MOST_START_SECONDS, MOST_STOP_SECONDS, POLL_SECONDS = 120.0, 15.0, 0.005


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
    deadline = time.perf_counter() + MOST_STOP_SECONDS
    while (left := [pid for pid in started if alive(pid)]) and time.perf_counter() < deadline:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    process.wait()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and is not waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


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
