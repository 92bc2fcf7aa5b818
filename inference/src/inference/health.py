"""`python -m inference.health`: whether the server in this container answers `/ping`."""

from __future__ import annotations

import http.client
import os
import sys

_SECONDS = 2.0


def main() -> int:
    """Ask the server on `PORT`.

    Returns:
        0 when it answers 200, else 1.
    """
    port = os.environ.get("PORT") or "5000"
    try:
        status = _status(port)
    except OSError as error:
        sys.stderr.write(f"/ping: {error}\n")
        return 1
    except (http.client.HTTPException, OverflowError):
        sys.stderr.write(f"/ping: no HTTP server on port {port}\n")
        return 1
    sys.stderr.write(f"/ping: {status}\n")
    return int(status != http.client.OK)


def _status(port: str) -> int:
    connection = http.client.HTTPConnection(f"127.0.0.1:{port}", timeout=_SECONDS)
    connection.request("GET", "/ping")
    return connection.getresponse().status


if __name__ == "__main__":
    sys.exit(main())
