"""Runs a program as a container's first process, and starts it anew on SIGHUP.

    python reload.py PROGRAM [ARGUMENT ...]

So the container itself goes on while its code changes. A program that ends by itself ends the
container, as without this; but once it was started anew, its end is a mistake that somebody is
about to mend, and the next SIGHUP is waited for.
"""  # noqa: INP001 - the overlay's file; nothing imports it

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

PATIENCE = 2.0  # seconds that the old process may take to end
SIGNALS = {signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


def main(command: Sequence[str]) -> int:
    """Returns the program's exit code; where a signal ended it, 128 and the signal's number."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    program, anew = start(command), False
    while True:
        number = signal.sigwait(SIGNALS)
        if number == signal.SIGHUP:
            stop(program)
            program, anew = start(command), True
        elif number != signal.SIGCHLD:
            program.send_signal(number)
            return exit_code(program)
        elif program.poll() is not None:
            if not anew:
                return exit_code(program)
            say(f"ended with {exit_code(program)}, and starts again with the next change")


def start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    """Starts the program, which is to get the signals that are held back here."""
    return subprocess.Popen(
        command,
        preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS),  # noqa: PLW1509 - one thread
    )


def stop(program: subprocess.Popen[bytes]) -> None:
    """Ends the program, for which a developer waits."""
    program.terminate()
    try:
        program.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def exit_code(program: subprocess.Popen[bytes]) -> int:
    """Waits for the end."""
    code = program.wait()
    return code if code >= 0 else 128 - code


def say(message: str) -> None:
    """Writes a line to the container's log."""
    sys.stderr.write(f"reload: {message}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
