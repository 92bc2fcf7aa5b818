"""The program's start: gevent goes first."""

from __future__ import annotations

import sys

from gevent import monkey

monkey.patch_all()  # before anything opens a socket or takes a lock, as gevent asks for

from loadtests.cli import main  # noqa: E402 - see above

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
