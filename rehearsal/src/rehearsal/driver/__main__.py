"""Serves the kubelet of the node that NODE names until it is told to stop."""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from rehearsal.driver import services

KUBELET = Path("/var/lib/kubelet")
GRACE_SECONDS = 2.0


def main() -> None:
    """Opens the driver's socket, then the one that the kubelet looks for."""
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    driver = KUBELET / "plugins" / services.NAME / "csi.sock"
    registration = KUBELET / "plugins_registry" / f"{services.NAME}-reg.sock"
    server = grpc.server(ThreadPoolExecutor(max_workers=8))
    handlers = services.handlers(os.environ["NODE"], os.environ["AMAZON"], str(driver))
    server.add_generic_rpc_handlers(handlers)
    for socket in (driver, registration):
        socket.parent.mkdir(parents=True, exist_ok=True)
        socket.unlink(missing_ok=True)
        server.add_insecure_port(f"unix:{socket}")
    server.start()
    stop.wait()
    registration.unlink(missing_ok=True)
    server.stop(GRACE_SECONDS).wait()


if __name__ == "__main__":
    main()
