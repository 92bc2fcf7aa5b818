"""What is to be tested: the page, or the model server itself."""

from __future__ import annotations

import time
from http import HTTPStatus
from urllib.parse import urlsplit

import urllib3

from loadtests.errors import UNREACHABLE, LoadError

PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.2
PAGE, MODEL_SERVER = "/api", ""
START = "start it with ./noxw -s demo, docker compose up or tilt up, or name another --host"


def check_host(host: str) -> str:
    """A base URL without a slash at its end.

    Raises:
        LoadError: it is none.
    """
    if not _is_base_url(host):
        raise LoadError(f"--host {host!r} is no base URL; give one like http://localhost:3000")
    return host.rstrip("/")


def wait_until_ready(host: str, patience: float = PATIENCE_SECONDS) -> str:
    """Waits until a model is served.

    Returns:
        The prefix of the API's paths: `/api` on the page, none on the model server.

    Raises:
        LoadError: nothing answers, or there is no model, for so many seconds.
    """
    end = time.monotonic() + patience
    while True:
        try:
            return _find_prefix(host)
        except LoadError:
            if time.monotonic() > end:
                raise
        time.sleep(POLL_SECONDS)


def _is_base_url(host: str) -> bool:
    try:
        parts = urlsplit(host)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    rest = parts.path.strip("/") or parts.query or parts.fragment
    return named and parts.scheme in {"http", "https"} and not rest


def _find_prefix(host: str) -> str:
    with urllib3.PoolManager(retries=False, timeout=2.0) as connections:
        for prefix in (PAGE, MODEL_SERVER):
            try:
                status = connections.request("GET", f"{host}{prefix}/ready").status
            except urllib3.exceptions.HTTPError as error:
                raise LoadError(f"{host} does not answer: {START}", UNREACHABLE) from error
            if status == HTTPStatus.OK:
                return prefix
            if status != HTTPStatus.NOT_FOUND:
                raise LoadError(
                    f"{host}{prefix}/ready answers {status}: no model is served there yet; train "
                    "one, or wait until the training has ended",
                    UNREACHABLE,
                )
    raise LoadError(f"{host} is neither the page nor the model server: {START}", UNREACHABLE)
