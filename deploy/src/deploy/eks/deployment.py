"""What a deployment is: a name, a region, and what its stack tells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[4]
TAG = "ml-pipeline:deployment"  # on everything that a deployment owns; its value is the name
NAMESPACE = "ml-pipeline"


@dataclass(frozen=True, slots=True)
class Deployment:
    """Which deployment is meant.

    Attributes:
        name: of the stack, the cluster and the prefix of all names.
        region: of Amazon's, such as us-west-2.
    """

    name: str
    region: str

    @property
    def folder(self) -> Path:
        """Where what is written for it lies: its kubeconfig, its overlay; nothing is secret."""
        return ROOT / ".local/eks" / self.region / self.name


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as CloudFormation describes it.

    Attributes:
        status: such as UPDATE_COMPLETE.
        values: its parameters, and its outputs, which go before them.
    """

    name: str
    status: str
    values: Mapping[str, str]
