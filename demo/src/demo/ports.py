"""Whether a port is free to listen on."""

from __future__ import annotations

import socket

from demo.errors import DemoError

HOST = "127.0.0.1"
AIRPLAY_PORT = 5000
AIRPLAY = " (on macOS by AirPlay: System Settings, AirDrop & Handoff, AirPlay Receiver)"


def check_port(port: int, option: str) -> None:
    """Makes sure that a server can listen on the port.

    Args:
        port: on 127.0.0.1.
        option: of the command line, which chooses another port.

    Raises:
        DemoError: something else listens there.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            hint = AIRPLAY if port == AIRPLAY_PORT else ""
            raise DemoError(
                f"port {port} cannot be used: {error.strerror}{hint}; "
                f"stop what uses it, or choose another with {option}",
                exit_code=2,
            ) from error
