"""Stands in for a server behind which all is lost: what connects hears nothing.

Its queue is full and nobody takes from it, so the kernel drops what else would connect.
"""

from __future__ import annotations

import socket
import time

PORT = 5000
SECONDS = 600


def main() -> None:
    with socket.create_server(("", PORT), backlog=0):
        waiting = [socket.socket() for _ in range(3)]
        for each in waiting:
            each.settimeout(0)
            each.connect_ex(("127.0.0.1", PORT))
        print("full", flush=True)  # noqa: T201 - what the test waits for
        time.sleep(SECONDS)


if __name__ == "__main__":
    main()
