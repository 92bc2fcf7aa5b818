"""What is written otherwise, in one mode alone, is found."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
import yaml

import compose_mode
import kubernetes_mode
import rendering
from service import find_faults
from sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from service import Allowance, Service

pytest_plugins = ["modes"]

Target: TypeAlias = dict[str, str]
REMOVED = object()
OVERLAYS = {"kind": rendering.LOCAL, "eks": rendering.EKS}


@pytest.fixture
def change_compose(
    modes: Mapping[str, Mapping[str, Service]], allowances: list[Allowance], tmp_path: Path
) -> Callable[[str, str], list[str]]:
    """Gives the faults of a compose file, or the settings it names, in which a text is another."""

    def change(text: str, instead: str) -> list[str]:
        settings = tmp_path / "settings.env"
        files = {"k8s/base/settings.env": settings, "compose.yaml": tmp_path / "compose.yaml"}
        originals = {name: (ROOT / name).read_text(encoding="utf-8") for name in files}
        assert any(text in original for original in originals.values())
        for name, changed in files.items():
            content = originals[name].replace(text, instead)
            changed.write_text(content.replace("k8s/base/settings.env", str(settings)))
        compose = compose_mode.render(files["compose.yaml"])
        return find_faults({**modes, "compose": compose}, allowances)

    return change


SETTINGS = "env_file: *settings\n    volumes:\n      - model:"  # inference's


@pytest.mark.parametrize(
    ("text", "instead", "field"),
    [
        ("cap_drop: [ALL]", "cap_drop: [CHOWN]", "dropped_capabilities.CHOWN"),
        (SETTINGS, SETTINGS.replace("env_file: *settings", ""), "settable.QUEUE_SIZE"),
        (", compose.env]", "]", "settable.QUEUE_SIZE"),
        (SETTINGS, f"environment: [QUEUE_SIZE=9]\n    {SETTINGS}", "settings.QUEUE_SIZE"),
        (SETTINGS, f"environment: [QUEUE_SIZE=9]\n    {SETTINGS}", "settable.QUEUE_SIZE"),
        (SETTINGS, f"environment: [QUEUE_SIZES=9]\n    {SETTINGS}", "settings.QUEUE_SIZES"),
        ("QUEUE_SIZE=64\n", "QUEUE_SIZE=9\n", "settings.QUEUE_SIZE"),
        ("QUEUE_SIZE=64\n", "QUEUE_SIZES=64\n", "settings.QUEUE_SIZES"),
        ("- model:/src/model:ro\n", "- model:/src/models:ro\n", "mounts./src/models"),
        ("- model:/src/model:ro\n", "- data:/src/model:ro\n", "mounts./src/model"),
        ("tmpfs: [/tmp]", "tmpfs: [/run]", "temporary./run"),
        (":-5000}:5000", ":-5000}:80", "ports.80"),
        (":-5000}:5000", ":-5001}:5000", "ports.5000"),
        ("127.0.0.1:${FRONTEND_PORT", "0.0.0.0:${FRONTEND_PORT", "ports.3000"),
        ("stop_grace_period: 35s", "stop_grace_period: 1m5s", "grace_seconds"),
    ],
)
def test_a_changed_compose_file_is_found(
    change_compose: Callable[[str, str], list[str]], text: str, instead: str, field: str
) -> None:
    faults = change_compose(text, instead)
    assert any(f": {field} is " in each for each in faults), faults


@pytest.fixture
def change_overlay(
    modes: Mapping[str, Mapping[str, Service]], allowances: list[Allowance], tmp_path: Path
) -> Callable[[str, Target, str, object], list[str]]:
    """Gives the faults of a mode's overlay in which one object has one value more, or less."""

    def change(mode: str, target: Target, path: str, value: object) -> list[str]:
        operation: dict[str, Any] = {"op": "add", "path": path, "value": value}
        if value is REMOVED:
            operation = {"op": "remove", "path": path}
        content = {
            "resources": [os.path.relpath(OVERLAYS[mode], tmp_path.resolve())],
            "patches": [{"target": target, "patch": json.dumps([operation])}],
        }
        (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(content))
        changed = kubernetes_mode.render(tmp_path)
        return find_faults({**modes, mode: changed}, allowances)

    return change


BACKEND = {"kind": "Deployment", "name": "ml-backend"}
TRAINING = {"kind": "Job", "name": "ml-training-job"}
SERVICE = {"kind": "Service", "name": "ml-backend"}
PAGE_SERVICE = {"kind": "Service", "name": "ml-frontend"}
CONFIG_MAP = {"kind": "ConfigMap", "name": "ml-pipeline-settings"}
POD = "/spec/template/spec"
CONTAINER = f"{POD}/containers/0"
LIVE, START = f"{CONTAINER}/livenessProbe", f"{CONTAINER}/startupProbe"
SECURITY = f"{CONTAINER}/securityContext"
RESOURCES = f"{CONTAINER}/resources"
COMPONENT = "app.kubernetes.io~1component"


@pytest.mark.parametrize(
    ("target", "path", "value", "field"),
    [
        (BACKEND, f"/spec/template/metadata/labels/{COMPONENT}", "server", "component"),
        (BACKEND, f"{CONTAINER}/image", "ml-pipeline/inference:old", "image"),
        (BACKEND, f"{CONTAINER}/command", ["sh"], "command"),
        (TRAINING, f"{CONTAINER}/args", ["list"], "command"),
        (BACKEND, f"{POD}/securityContext/runAsUser", 0, "user"),
        (BACKEND, f"{POD}/securityContext/runAsGroup", REMOVED, "user"),
        (BACKEND, f"{SECURITY}/runAsUser", 1000, "user"),
        (BACKEND, f"{SECURITY}/readOnlyRootFilesystem", False, "read_only_root"),
        (BACKEND, f"{SECURITY}/allowPrivilegeEscalation", REMOVED, "no_new_privileges"),
        (BACKEND, f"{SECURITY}/capabilities/drop", ["CHOWN"], "dropped_capabilities.CHOWN"),
        (BACKEND, f"{CONTAINER}/volumeMounts/0/mountPath", "/src/models", "mounts./src/models"),
        (BACKEND, f"{POD}/volumes/0/persistentVolumeClaim/claimName", "data", "mounts./src/model"),
        (BACKEND, f"{POD}/volumes", [{"name": "model", "emptyDir": {}}], "mounts./src/model"),
        (TRAINING, f"{CONTAINER}/volumeMounts/0/readOnly", True, "mounts./src/imgs"),
        (TRAINING, f"{POD}/volumes/3/emptyDir", {}, "temporary./tmp"),
        (BACKEND, f"{CONTAINER}/env", [{"name": "PORT", "value": "80"}], "settings.PORT"),
        (BACKEND, f"{CONTAINER}/env", [{"name": "PORTS", "value": "80"}], "settings.PORTS"),
        (BACKEND, f"{CONTAINER}/env", [{"name": "QUEUE_SIZE"}], "settable.QUEUE_SIZE"),
        (BACKEND, f"{CONTAINER}/envFrom", REMOVED, "settable.QUEUE_SIZE"),
        (CONFIG_MAP, "/data/QUEUE_SIZE", "9", "settings.QUEUE_SIZE"),
        (CONFIG_MAP, "/data/QUEUE_SIZE", REMOVED, "settable.QUEUE_SIZE"),
        (BACKEND, f"{CONTAINER}/ports/0/containerPort", 80, "ports.80"),
        (SERVICE, "/spec/ports/0/targetPort", 80, "ports.80"),
        (SERVICE, "/spec/ports/0/port", 80, "ports.5000"),
        (SERVICE, "/spec/selector", {COMPONENT.replace("~1", "/"): "trainer"}, "ports.5000"),
        (PAGE_SERVICE, "/spec/ports/0/nodePort", 30301, "ports.3000"),
        (BACKEND, f"{LIVE}/httpGet/path", "/ready", "health.request"),
        (BACKEND, f"{LIVE}/httpGet/port", 80, "health.request"),
        (BACKEND, f"{START}/httpGet/path", "/ready", "health.request"),
        (BACKEND, f"{LIVE}/periodSeconds", 5, "health.interval"),
        (BACKEND, f"{LIVE}/timeoutSeconds", REMOVED, "health.timeout"),
        (BACKEND, f"{LIVE}/failureThreshold", 6, "health.retries"),
        (BACKEND, f"{START}/failureThreshold", 40, "health.startperiod"),
        (BACKEND, START, REMOVED, "health.startperiod"),
        (BACKEND, LIVE, REMOVED, "health.request"),
        (BACKEND, f"{POD}/terminationGracePeriodSeconds", 50, "grace_seconds"),
        (BACKEND, f"{CONTAINER}/lifecycle/preStop/sleep/seconds", 25, "grace_seconds"),
        (BACKEND, f"{CONTAINER}/lifecycle/stopSignal", "SIGKILL", "stop"),
        (BACKEND, f"{RESOURCES}/limits/cpu", "1100m", "limits.cpus"),
        (BACKEND, f"{RESOURCES}/limits/memory", "2G", "limits.memory"),
        (BACKEND, f"{RESOURCES}/requests/cpu", REMOVED, "requests.cpus"),
        (BACKEND, f"{RESOURCES}/requests/memory", "1Gi", "requests.memory"),
        (BACKEND, f"{CONTAINER}/imagePullPolicy", "IfNotPresent", "pull"),
        (TRAINING, "/spec/backoffLimit", 0, "restart"),
    ],
)
def test_a_changed_manifest_is_found(
    change_overlay: Callable[[str, Target, str, object], list[str]],
    target: Target,
    path: str,
    value: object,
    field: str,
) -> None:
    faults = change_overlay("kind", target, path, value)
    assert field in [each.split()[1].removesuffix(":") for each in faults], faults


@pytest.mark.parametrize(
    ("target", "path", "value"),
    [
        (BACKEND, f"{LIVE}/periodSeconds", REMOVED),  # 10, as it is by default
        (BACKEND, f"{CONTAINER}/env", [{"name": "EPOCHS", "value": "1"}]),  # which it does not read
        (BACKEND, f"{RESOURCES}/limits/memory", "2048Mi"),
    ],
)
def test_a_manifest_that_comes_to_the_same_passes(
    change_overlay: Callable[[str, Target, str, object], list[str]],
    target: Target,
    path: str,
    value: object,
) -> None:
    assert change_overlay("kind", target, path, value) == []


@pytest.mark.parametrize(
    ("target", "path", "value", "field"),
    [
        (
            BACKEND,
            f"{CONTAINER}/env",
            [{"name": "QUEUE_SIZE", "value": "9"}],
            "settings.QUEUE_SIZE",
        ),
        (BACKEND, f"{CONTAINER}/imagePullPolicy", "Always", "pull"),
        (BACKEND, f"{RESOURCES}/limits/memory", "4Gi", "limits.memory"),
        (TRAINING, f"{RESOURCES}/requests/cpu", "500m", "requests.cpus"),
        (TRAINING, f"{SECURITY}/readOnlyRootFilesystem", False, "read_only_root"),
    ],
)
def test_a_change_on_eks_alone_is_found(
    change_overlay: Callable[[str, Target, str, object], list[str]],
    target: Target,
    path: str,
    value: object,
    field: str,
) -> None:
    faults = change_overlay("eks", target, path, value)
    assert field in [each.split()[1].removesuffix(":") for each in faults], faults
