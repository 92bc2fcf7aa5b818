"""The modes as they are, and what may differ between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import compose_mode
import kubernetes_mode
import processes_mode
import rendering
from service import read_allowances

if TYPE_CHECKING:
    from service import Allowance, Service


@pytest.fixture(scope="session")
def modes(kubectl: None, images: None) -> dict[str, dict[str, Service]]:
    """The services of each mode."""
    del kubectl, images
    return {
        "processes": processes_mode.render(),
        "compose": compose_mode.render(),
        "kind": kubernetes_mode.render(rendering.LOCAL),
        "eks": kubernetes_mode.render(rendering.EKS),
    }


@pytest.fixture(scope="session")
def kubectl() -> None:
    """The program kubectl; where there is none, the tests skip, or fail if told to."""
    rendering.require_kubectl()


@pytest.fixture(scope="session")
def allowances() -> list[Allowance]:
    return read_allowances(Path(__file__).with_name("allowed.toml"))
