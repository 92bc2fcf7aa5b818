from __future__ import annotations

from pathlib import Path

import pytest

from inference.settings import Settings, SettingsError, read_settings, traces_wanted


def test_nothing_set_gives_the_defaults() -> None:
    assert read_settings({"MODEL_NAME": "", "PORT": ""}) == Settings()


def test_every_setting_is_read() -> None:
    assert read_settings(
        {
            "MODEL_NAME": "digits",
            "MODEL_DIR": "/m",
            "HOST": "::1",
            "PORT": "0",
            "LOG_LEVEL": "DEBUG",
            "LOG_FORMAT": "json",
            "MODEL_POLL_SECONDS": "0.5",
            "MAX_BODY_BYTES": "1000",
            "MAX_PIXELS": "64",
            "QUEUE_SIZE": "2",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318",
        }
    ) == Settings(
        *("digits", Path("/m"), "::1", 0, "debug", "json", 0.5, 1000, 64, 2, "http://c:4318")
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MODEL_NAME", "../x"),
        ("MODEL_NAME", "-x"),
        ("MODEL_DIR", "a\nb"),
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "٣"),
        ("LOG_LEVEL", "loud"),
        ("LOG_FORMAT", "xml"),
        ("MODEL_POLL_SECONDS", "0"),
        ("MODEL_POLL_SECONDS", "nan"),
        ("MODEL_POLL_SECONDS", "soon"),
        ("MAX_BODY_BYTES", "0"),
        ("MAX_PIXELS", "1e6"),
        ("QUEUE_SIZE", "0"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c\n"),
    ],
)
def test_a_bad_value_is_named_in_one_line(variable: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings({variable: value})
    assert str(caught.value).startswith(f"{variable}=")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({}, False),
        ({"ENDPOINT": ""}, False),
        ({"ENDPOINT": "http://c"}, True),
        ({"TRACES_ENDPOINT": "https://c/v1/traces"}, True),
        ({"ENDPOINT": "http://c", "PROTOCOL": "grpc", "TRACES_PROTOCOL": "http/protobuf"}, True),
        ({"PROTOCOL": "grpc"}, False),
    ],
)
def test_traces_are_sent_where_a_collector_is_named(
    variables: dict[str, str], *, wanted: bool
) -> None:
    environ = {f"OTEL_EXPORTER_OTLP_{name}": value for name, value in variables.items()}
    assert traces_wanted(environ) == wanted
    assert not traces_wanted({**environ, "OTEL_SDK_DISABLED": "True"})
    assert not traces_wanted({**environ, "OTEL_TRACES_EXPORTER": "none"})


@pytest.mark.parametrize("variable", ["PROTOCOL", "TRACES_PROTOCOL"])
def test_another_protocol_is_named_in_one_line(variable: str) -> None:
    name = f"OTEL_EXPORTER_OTLP_{variable}"
    with pytest.raises(SettingsError, match=f"^{name}='grpc': use one of http/protobuf$"):
        traces_wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", name: "grpc"})


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("SAMPLER", "sometimes", "one of always_on, always_off, traceidratio, parentbased_always_"),
        ("SAMPLER_ARG", "many", "a number from 0 to 1"),
        ("SAMPLER_ARG", "10", "a number from 0 to 1"),
        ("SAMPLER_ARG", "nan", "a number from 0 to 1"),
    ],
)
def test_a_sampler_that_is_unknown_is_named_in_one_line(
    variable: str, value: str, remedy: str
) -> None:
    name = f"OTEL_TRACES_{variable}"
    with pytest.raises(SettingsError, match=f"^{name}='{value}': use {remedy}"):
        traces_wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", name: value})
    assert not traces_wanted({name: value})  # nothing is sent


@pytest.mark.parametrize("sampler", ["", "TraceIdRatio", "parentbased_always_off"])
@pytest.mark.parametrize("share", ["", "0", "0.1", "1"])
def test_what_the_specification_knows_is_taken(sampler: str, share: str) -> None:
    chosen = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": share}
    assert traces_wanted({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", **chosen})
