"""The component for traces: a collector is named, and the model server's pods reach it."""

from __future__ import annotations

from urllib.parse import urlsplit

from manifests import of_kind
from rendering import LOCAL, TRACES, render, render_component


def test_one_setting_differs() -> None:
    (changed,) = of_kind("ConfigMap", render_component(TRACES, LOCAL))
    (base,) = of_kind("ConfigMap", render(LOCAL))
    assert {name for name in changed["data"] if changed["data"][name] != base["data"][name]} == {
        "OTEL_EXPORTER_OTLP_ENDPOINT"
    }


def test_the_model_servers_reach_what_is_named() -> None:
    objects = render_component(TRACES, LOCAL)
    (config,) = of_kind("ConfigMap", objects)
    collector = urlsplit(config["data"]["OTEL_EXPORTER_OTLP_ENDPOINT"])
    _, _, namespace = str(collector.hostname).partition(".")
    policies = {each["metadata"]["name"]: each for each in of_kind("NetworkPolicy", objects)}
    policy = policies["ml-backend-to-collector"]["spec"]
    assert policy["podSelector"] == policies["ml-backend"]["spec"]["podSelector"]
    labels = {"kubernetes.io/metadata.name": namespace}
    assert policy["egress"][0] == {
        "to": [{"namespaceSelector": {"matchLabels": labels}}],
        "ports": [{"protocol": "TCP", "port": collector.port}],
    }
    assert policy["egress"][1] in policies["ml-frontend"]["spec"]["egress"]  # the name server
