"""The Kubernetes objects that kustomize makes of the repository's folders."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from engine import unmet

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
LOCAL, EKS = K8S / "overlays/local", K8S / "overlays/eks"
METRICS_SERVER = K8S / "metrics-server"
COMPONENTS = K8S / "components"
MONITORING, LOGGING = COMPONENTS / "monitoring", COMPONENTS / "logging"
TRACES = COMPONENTS / "traces"
#: Not applied with the pods, but in place of what applies them.
GITOPS = {"argocd": COMPONENTS / "gitops/argocd", "flux": COMPONENTS / "gitops/flux"}


def sets() -> dict[str, Callable[[], list[dict[str, Any]]]]:
    """What is applied together, by name; nothing is rendered before it is asked for."""
    overlays = sorted(path.parent for path in K8S.glob("overlays/*/kustomization.yaml"))
    alone = {folder.name: partial(render, folder) for folder in [*overlays, METRICS_SERVER]}
    return alone | {
        "monitoring": partial(render_component, MONITORING, LOCAL),
        "eks-monitoring": partial(render_component, MONITORING, EKS),
        "traces": partial(render_component, TRACES, LOCAL),
        "eks-logging": partial(render_component, LOGGING, EKS),
    }


def require_kubectl() -> None:
    """The program kubectl; without it skip, or fail if REQUIRE_KIND=1."""
    if shutil.which("kubectl") is None:
        unmet("there is no kubectl on the PATH", "REQUIRE_KIND")


def render(folder: Path) -> list[dict[str, Any]]:
    """The objects of a folder with a kustomization."""
    return list(yaml.safe_load_all(_kustomize(folder)))


@functools.cache
def render_component(component: Path, *resources: Path) -> list[dict[str, Any]]:
    """The objects of a component, and of the folders that it is added to."""
    with TemporaryDirectory() as name:
        folder = Path(name).resolve()
        content = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "resources": [os.path.relpath(each, folder) for each in resources],
            "components": [os.path.relpath(component, folder)],
        }
        (folder / "kustomization.yaml").write_text(yaml.safe_dump(content))
        return render(folder)


@functools.cache
def _kustomize(folder: Path) -> str:
    require_kubectl()
    command = ["kubectl", "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    assert done.stderr == "", f"{' '.join(command)} warns\n{done.stderr}"
    return done.stdout
