"""Whether the ports are free to listen on."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress

from demo.errors import DemoError

HOST = "127.0.0.1"
LAST_PORT = 65535
BAD_USAGE = 2
SECONDS = 1.0
AIRPLAY_PORT = 5000
AIRPLAY = " (on macOS by AirPlay: System Settings, AirDrop & Handoff, AirPlay Receiver)"


def check_ports(page: int, inference: int) -> None:
    """Makes sure that both servers can listen.

    Raises:
        DemoError: something else listens there, or both are the same.
    """
    if page == inference:
        raise DemoError(f"--port and --inference-port are both {page}; choose two", BAD_USAGE)
    check_port(page, "--port")
    check_port(inference, "--inference-port")


def check_port(port: int, option: str) -> None:
    """Makes sure that a server can listen on the port.

    Args:
        port: on 127.0.0.1.
        option: of the command line, which chooses another port.

    Raises:
        DemoError: something else listens there.
    """
    reason = os.strerror(errno.EADDRINUSE) if is_answered(port) else why_not(port)
    if reason:
        hint = AIRPLAY if port == AIRPLAY_PORT else ""
        raise DemoError(
            f"port {port} cannot be used: {reason}{hint}; "
            f"stop what uses it, or choose another with {option}",
            BAD_USAGE,
        )


def is_answered(port: int) -> bool:
    """Whether a browser would find something at `localhost`, be it IPv6.

    Binding alone would not tell: macOS lets one address be bound beside a server on all of them.
    """
    with suppress(OSError), socket.create_connection(("localhost", port), SECONDS):
        return True
    return False


def why_not(port: int) -> str:
    """Why a server cannot listen there; empty when it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error.strerror or str(error)
    return ""
