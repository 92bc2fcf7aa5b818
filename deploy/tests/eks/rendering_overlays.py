"""Overlays as the real kubectl renders them."""

from __future__ import annotations

import functools
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from deploy import kubectl
from deploy.eks import overlay

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.kubectl import Manifest


def render(folder: Path) -> list[Manifest]:
    """The objects; without kubectl the test is skipped, or fails if REQUIRE_KIND=1."""
    if shutil.which("kubectl") is None and os.environ.get("REQUIRE_KIND") != "1":
        pytest.skip("there is no kubectl on the PATH")
    return kubectl.render(folder)


@functools.cache
def example() -> list[Manifest]:
    """The objects of k8s/overlays/eks."""
    return render(overlay.EKS)
