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
    connection = http.client.HTTPConnection(
        "127.0.0.1", int(os.environ.get("PORT") or 5000), timeout=_SECONDS
    )
    try:
        connection.request("GET", "/ping")
        status = connection.getresponse().status
    except OSError as error:
        sys.stderr.write(f"/ping: {error}\n")
        return 1
    sys.stderr.write(f"/ping: {status}\n")
    return int(status != http.client.OK)


if __name__ == "__main__":
    sys.exit(main())
