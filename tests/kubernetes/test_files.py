"""One object a file, named for it, and each file in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from rendering import K8S

if TYPE_CHECKING:
    from pathlib import Path

FOLDERS = sorted(path.parent for path in K8S.glob("**/kustomization.yaml"))
MANIFESTS = [
    path
    for folder in FOLDERS
    for path in sorted(folder.glob("*.yaml"))
    if path.name != "kustomization.yaml"
]


def _of_folder(path: Path) -> str:
    return str(path.relative_to(K8S))


@pytest.mark.parametrize("path", MANIFESTS, ids=_of_folder)
def test_a_file_is_an_object_and_named_for_it(path: Path) -> None:
    (each,) = yaml.safe_load_all(path.read_bytes())
    kind, name = each["kind"].lower(), each["metadata"]["name"]
    assert path.stem == (name if name.endswith(f"-{kind}") else f"{name}-{kind}")


@pytest.mark.parametrize("folder", FOLDERS, ids=_of_folder)
def test_every_file_is_in_use(folder: Path) -> None:
    content = yaml.safe_load((folder / "kustomization.yaml").read_bytes())
    files = {path.name for path in folder.iterdir() if path.name != "kustomization.yaml"}
    assert files - _texts(content) == set()


def _texts(content: Any) -> set[str]:  # noqa: ANN401 - YAML may have anything anywhere
    if isinstance(content, dict):
        return set().union(*map(_texts, content.values()))
    if isinstance(content, list):
        return set().union(*map(_texts, content))
    return {str(content)}
