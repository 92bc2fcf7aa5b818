"""The component for logging: lines whose fields are found by their names, everywhere."""

from __future__ import annotations

from manifests import of_kind, pods
from rendering import EKS, LOGGING, render, render_component


def test_one_setting_differs() -> None:
    (changed,) = of_kind("ConfigMap", render_component(LOGGING, EKS))
    (base,) = of_kind("ConfigMap", render(EKS))
    assert changed["data"] == base["data"] | {"LOG_FORMAT": "json"}


def test_every_container_is_given_it() -> None:
    objects = render_component(LOGGING, EKS)
    (config,) = of_kind("ConfigMap", objects)
    for pod in pods(objects):
        for container in pod.containers:
            assert {"configMapRef": {"name": config["metadata"]["name"]}} in container["envFrom"]
