"""The command `inference`."""

from __future__ import annotations

import argparse
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
from dataclasses import fields as settings_fields
from typing import TYPE_CHECKING

from inference import logs
from inference.cpu import run_as_batch
from inference.settings import Settings, SettingsError, read_settings, traces_wanted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    from starlette.middleware import Middleware

_DRAIN_SECONDS = 30
_HELP = {
    "model_name": "folder below MODEL_DIR whose versions are served",
    "model_dir": "the model repository; it is only read",
    "host": "address to listen on",
    "port": "port to listen on; 0 takes any free one",
    "log_level": "debug, info, warning or error",
    "log_format": "auto, text or json; auto is text on a terminal and JSON elsewhere",
    "model_poll_seconds": "time between two looks at the repository",
    "max_body_bytes": "a request body of more than this is refused",
    "max_pixels": "an image of more than this is refused before it is decoded",
    "queue_size": "images that are worked on or wait; more are refused at once",
    "otel_exporter_otlp_endpoint": "OpenTelemetry collector for traces; needs inference[otel]",
}


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; requests that were begun are answered.

    Returns:
        0 after a stop or a check, 1 when the address cannot be had, 2 for bad usage or settings.
    """
    asked = _parser().parse_args(arguments).command
    hosted = asked == "serve"
    try:
        environ = _hosted(os.environ) if hosted else os.environ
        settings, tracing = read_settings(environ), _tracing(environ)
    except SettingsError as error:
        return _fail(str(error), 2)
    if asked == "check":
        return 0
    try:
        listener = _listen(settings)
    except OSError as error:
        return _fail(_not_listening(settings, error), 1)
    logs.configure(settings)
    with contextlib.closing(listener), tracing as around:
        _serve(settings, listener, around, hosted=hosted)
    return 0


def _parser() -> argparse.ArgumentParser:
    default = Settings()
    lines = [
        f"  {field.name.upper():29}{_HELP[field.name]} [{getattr(default, field.name)}]"
        for field in settings_fields(Settings)
    ]
    parser = argparse.ArgumentParser(
        prog="inference",
        description="Serve the published model over HTTP.",
        epilog="\n".join(["settings, from environment variables [default]:", *lines]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=["check", "serve"],
        help="check: only see that the settings can be used; serve: as Amazon SageMaker asks, the "
        "one model below /opt/ml/model, on port 8080; without a command, serve as the settings say",
    )
    return parser


def _hosted(environ: Mapping[str, str]) -> dict[str, str]:
    from inference.sagemaker import hosted  # noqa: PLC0415 - only some need it

    return hosted(environ)


def _tracing(environ: Mapping[str, str]) -> AbstractContextManager[Sequence[Middleware]]:
    """What goes around each request, where a collector is named; else nothing is imported."""
    if not traces_wanted(environ):
        return contextlib.nullcontext(())
    try:
        from inference.tracing import exporting  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"an OpenTelemetry collector is named, and {error.name} is not installed: install "
            "inference[otel], build the image with EXTRAS=otel, or set OTEL_SDK_DISABLED=true"
        ) from error
    return exporting()


def _listen(settings: Settings) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(
        settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return socket.create_server(address[:2], family=family, backlog=1024)


def _not_listening(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {settings.port} of {settings.host} is in use: stop what uses it "
            "(on macOS perhaps AirPlay Receiver) or set PORT"
        )
    return f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}"


def _serve(
    settings: Settings, listener: socket.socket, around: Sequence[Middleware], *, hosted: bool
) -> None:
    run_as_batch()
    # Late, so that --help and a bad setting do not pay for what serving needs.
    import uvicorn  # noqa: PLC0415

    from inference.app import create_app  # noqa: PLC0415
    from inference.memory import exempt_what_stays, settle_what_is_kept  # noqa: PLC0415
    from inference.protection import Guard  # noqa: PLC0415
    from inference.sagemaker import DRAIN_SECONDS  # noqa: PLC0415

    settle_what_is_kept()
    app = create_app(settings, hosted=hosted, around=around)
    service = app.state.service
    guard = Guard(service.metrics.refusal, service.overload)
    config = uvicorn.Config(
        app,
        http=guard.protocol,  # type: ignore[arg-type] # it is only called
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # anybody can write them, and the log is to tell who was connected
        timeout_graceful_shutdown=DRAIN_SECONDS if hosted else _DRAIN_SECONDS,
    )
    # uvicorn raises the signal that stopped it again; the stop has been made by then.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    host, port = listener.getsockname()[:2]
    log = logging.getLogger("inference")
    log.info("listening", extra=logs.fields(host=host, port=port))
    exempt_what_stays()
    uvicorn.Server(config).run(sockets=[listener])
    log.info("stopped")


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"inference: {logs.printable(message)}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
