"""Programs that are run: to their end, or line by line while they work."""

from __future__ import annotations

import os
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from deploy.errors import UnreachableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ANSWER_SECONDS = 120.0


def answer(
    command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end.

    Args:
        command: the program and its arguments.
        environment: what it gets beside this process' own.
        folder: in which it works.

    Raises:
        UsageError: it is not installed.
        UnreachableError: it does not end.
    """
    with started(command, environment, folder, stderr=subprocess.PIPE) as process:
        try:
            out, err = process.communicate(timeout=ANSWER_SECONDS)
        except subprocess.TimeoutExpired as error:
            title = " ".join(command[:3])
            raise UnreachableError(f"{title}: no answer within {ANSWER_SECONDS:.0f} s") from error
    return subprocess.CompletedProcess(list(command), process.returncode, out, err)


@contextmanager
def ended_after(process: subprocess.Popen[str], seconds: float) -> Iterator[None]:
    """Ends a program that takes longer."""
    timer = threading.Timer(seconds, process.terminate)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextmanager
def started(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path | None = None,
    stderr: int = subprocess.STDOUT,
) -> Iterator[subprocess.Popen[str]]:
    """Starts a program, whose output is to be read; it has ended afterwards, or is ended.

    Args:
        command: the program and its arguments.
        environment: what it gets beside this process' own.
        folder: in which it works.
        stderr: where what is wrong is written; by default, among the rest.

    Raises:
        UsageError: it is not installed.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={**os.environ, **environment},
            cwd=folder,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise UsageError(
            f"{command[0]}: cannot be started ({error.strerror}); install it, or put it on the PATH"
        ) from error
    with process:
        try:
            yield process
        except BaseException:
            process.terminate()
            raise
