"""`python -m inference.health`: whether the server in this container answers `/ping`."""

from __future__ import annotations

import contextlib
import http.client
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PORTS = ("5000", "8080")  # the latter after `serve`, of which this process knows nothing
_SECONDS = 2.0


def main() -> int:
    """Ask the server on `PORT`, or on that which SageMaker gives.

    Returns:
        0 when it answers 200, else 1.
    """
    given = os.environ.get("PORT") or os.environ.get("SAGEMAKER_BIND_TO_PORT")
    ports = [given] if given else _PORTS
    try:
        status = _status(ports)
    except OSError as error:
        sys.stderr.write(f"/ping: {error}\n")
        return 1
    except (http.client.HTTPException, OverflowError):
        sys.stderr.write(f"/ping: no HTTP server on port {' or '.join(ports)}\n")
        return 1
    sys.stderr.write(f"/ping: {status}\n")
    return int(status != http.client.OK)


def _status(ports: Sequence[str]) -> int:
    *others, last = ports
    for port in others:
        with contextlib.suppress(ConnectionRefusedError):
            return _ask(port)
    return _ask(last)


def _ask(port: str) -> int:
    connection = http.client.HTTPConnection(f"127.0.0.1:{port}", timeout=_SECONDS)
    connection.request("GET", "/ping")
    return connection.getresponse().status


if __name__ == "__main__":
    sys.exit(main())
