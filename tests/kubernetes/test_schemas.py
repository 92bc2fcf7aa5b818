"""Each object against Kubernetes' own JSON schemas, which know no key that Kubernetes does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kubernetes_validate  # type: ignore[import-untyped] # it comes without types
import pytest

from manifests import name
from rendering import sets

if TYPE_CHECKING:
    from collections.abc import Iterator

SETS = sets()
VERSIONS = ["1.34", "1.35", "1.36"]
#: Kinds that are no part of Kubernetes and so have no schema there.
CUSTOM = {"monitoring.coreos.com/v1"}
#: One object that is right in all versions, to be made wrong.
CONFIG: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "some"}}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("together", SETS)
def test_every_object_is_valid(together: str, version: str) -> None:
    faults = list(_faults(SETS[together](), version))
    assert faults == [], "\n".join(faults)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "wrong", [{"dta": {}}, {"data": {"key": 1}}, {"apiVersion": "v2"}], ids=str
)
def test_a_wrong_object_is_seen(wrong: dict[str, Any], version: str) -> None:
    assert len(list(_faults([CONFIG, CONFIG | wrong], version))) == 1


def _faults(objects: list[dict[str, Any]], version: str) -> Iterator[str]:
    assert objects
    for each in objects:
        if each["apiVersion"] in CUSTOM:
            continue
        try:
            assert kubernetes_validate.validate(each, version, strict=True) == version
        except kubernetes_validate.ValidationError as error:
            yield f"{name(each)}: {error.json_path}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield f"{name(each)}: {error.message}"
