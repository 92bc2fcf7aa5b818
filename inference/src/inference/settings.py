"""The service's settings, read once from the environment."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("auto", "text", "json")

_COLLECTOR = "OTEL_EXPORTER_OTLP_ENDPOINT"
_TRACES_COLLECTOR = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
_PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
_TRACES_PROTOCOL = "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
_SAMPLERS = (
    *("always_on", "always_off", "traceidratio"),
    *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
)
_SHORTEST, _LONGEST = 0.01, 86_400.0


class SettingsError(ValueError):
    """A setting cannot be used; the message names it and tells what can be."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What to serve, where, and how much of it.

    Attributes:
        model_name: folder below `model_dir` whose versions are served.
        model_dir: the model repository; it is only read.
        host: address to listen on.
        port: 0 takes any free one.
        log_format: `auto` is readable on a terminal and JSON elsewhere.
        model_poll_seconds: time between two looks at the repository.
        max_body_bytes: a request body of more than this is refused.
        max_pixels: an image of more than this is refused before it is decoded.
        queue_size: images that are worked on or wait; more are refused at once.
        otel_exporter_otlp_endpoint: URL of an OpenTelemetry collector; empty for none.
    """

    model_name: str = "classifier"
    model_dir: Path = Path(".local/model")
    host: str = "127.0.0.1"
    port: int = 5000
    log_level: str = "info"
    log_format: str = "auto"
    model_poll_seconds: float = 5.0
    max_body_bytes: int = 20_971_520
    max_pixels: int = 50_000_000
    queue_size: int = 64
    otel_exporter_otlp_endpoint: str = ""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from environment variables of the same names, in capitals.

    Raises:
        SettingsError: a value cannot be used; the message names the variable.
    """
    default = Settings()
    return Settings(
        model_name=_name(environ, "MODEL_NAME", default.model_name),
        model_dir=Path(_text(environ, "MODEL_DIR", str(default.model_dir))),
        host=_text(environ, "HOST", default.host),
        port=_integer(environ, "PORT", default.port, 0, 65_535),
        log_level=_choice(environ, "LOG_LEVEL", default.log_level, LOG_LEVELS),
        log_format=_choice(environ, "LOG_FORMAT", default.log_format, LOG_FORMATS),
        model_poll_seconds=_number(
            environ, "MODEL_POLL_SECONDS", default.model_poll_seconds, _SHORTEST, _LONGEST
        ),
        max_body_bytes=_integer(environ, "MAX_BODY_BYTES", default.max_body_bytes, 1, 2**31 - 1),
        max_pixels=_integer(environ, "MAX_PIXELS", default.max_pixels, 1, 2**31 - 1),
        queue_size=_integer(environ, "QUEUE_SIZE", default.queue_size, 1, 100_000),
        otel_exporter_otlp_endpoint=_url(environ, _COLLECTOR),
    )


def traces_wanted(environ: Mapping[str, str]) -> bool:
    """Whether OpenTelemetry's variables name a collector for traces, and none switches them off.

    Source: <https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/>.

    Raises:
        SettingsError: the collector is to be spoken to in another way than is known here, or the
            sampler is none that OpenTelemetry's SDK has: that one would take all traces instead.
    """
    disabled = environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
    exporter = environ.get("OTEL_TRACES_EXPORTER") or "otlp"
    named = [_url(environ, name) for name in (_COLLECTOR, _TRACES_COLLECTOR)]
    if disabled or exporter == "none" or not any(named):
        return False
    protocol = _TRACES_PROTOCOL if environ.get(_TRACES_PROTOCOL) else _PROTOCOL
    _choice(environ, protocol, "http/protobuf", ("http/protobuf",))
    _choice(environ, "OTEL_TRACES_SAMPLER", "parentbased_always_on", _SAMPLERS)
    _number(environ, "OTEL_TRACES_SAMPLER_ARG", 1, 0, 1)
    return True


def _text(environ: Mapping[str, str], variable: str, default: str) -> str:
    value = environ.get(variable) or default
    if not value.isprintable():
        raise SettingsError(f"{variable}={value!r}: use printable characters only")
    return value


def _url(environ: Mapping[str, str], variable: str) -> str:
    value = environ.get(variable) or ""
    if value and not re.fullmatch(r"https?://[!-~]+", value):
        raise SettingsError(f"{variable}={value!r}: use a URL, such as http://localhost:4318")
    return value


def _name(environ: Mapping[str, str], variable: str, default: str) -> str:
    value = environ.get(variable) or default
    if not NAME.fullmatch(value):
        raise SettingsError(
            f"{variable}={value!r}: use 1 to 64 letters, digits, dots, dashes or underscores, "
            "the first a letter or digit"
        )
    return value


def _integer(environ: Mapping[str, str], variable: str, default: int, least: int, most: int) -> int:
    value = environ.get(variable)
    if not value:
        return default
    if not re.fullmatch(r"[0-9]{1,10}", value) or not least <= int(value) <= most:
        raise SettingsError(f"{variable}={value!r}: use a whole number from {least} to {most}")
    return int(value)


def _number(
    environ: Mapping[str, str], variable: str, default: float, least: float, most: float
) -> float:
    value = environ.get(variable)
    if not value:
        return default
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not least <= number <= most:
        raise SettingsError(f"{variable}={value!r}: use a number from {least} to {most}")
    return number


def _choice(
    environ: Mapping[str, str], variable: str, default: str, choices: tuple[str, ...]
) -> str:
    value = (environ.get(variable) or default).lower()
    if value not in choices:
        raise SettingsError(f"{variable}={value!r}: use one of {', '.join(choices)}")
    return value
