"""Checkov's rules for Kubernetes, where checkov is: `./noxw -s lint_manifests`.

Checkov could render the folders itself, but says nothing, and that all is well, where that fails.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from manifests import pods
from rendering import sets
from scanning import scan

CONFIGURATION = Path(__file__).with_name("checkov.yaml")
SETS = sets()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is applied together, each in one file."""
    folder = tmp_path_factory.mktemp("manifests")
    for name, objects in SETS.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump_all(objects()))
    return folder


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    return scan(CONFIGURATION, folder)


def test_every_pod_is_looked_at(results: dict[str, Any]) -> None:
    seen = {_place(each).lower() for each in results["passed_checks"]}
    made = {
        f"{name}: {pod.owner.replace('/', f'.{pod.namespace}.')}"
        for name, objects in SETS.items()
        for pod in pods(objects())
    }
    assert made - seen == set()


def test_no_rule_is_broken(results: dict[str, Any]) -> None:
    broken = [
        f"{_place(each)}: {each['check_id']} {each['check_name']}"
        for each in results["failed_checks"]
    ]
    assert broken == [], "\n".join(broken)


def _place(check: dict[str, Any]) -> str:
    return f"{Path(check['file_path']).stem}: {check['resource']}"
