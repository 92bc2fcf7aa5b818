from __future__ import annotations

from typing import Any

import pytest

from rehearsal import pages
from rehearsal.wanted import WantedError


def ingress(**path: object) -> dict[str, Any]:
    backend = {"service": {"name": "page", "port": {"name": "http"}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend, **path}]
    return {
        "metadata": {"namespace": "space", "name": "way"},
        "spec": {"rules": [{"http": {"paths": paths}}]},
    }


SERVICE: dict[str, Any] = {
    "metadata": {"name": "page"},
    "spec": {"ports": [{"name": "http", "port": 80, "targetPort": "web"}]},
}
SLICES: list[dict[str, Any]] = [
    {
        "ports": [{"name": "http", "port": 3000}],
        "endpoints": [
            {"addresses": ["10.1.0.1"], "conditions": {"ready": True}},
            {"addresses": ["10.1.0.2"], "conditions": {"ready": False}},
        ],
    }
]


def test_a_page_is_found_behind_an_ingress() -> None:
    page = pages.read(ingress(), SERVICE, SLICES)
    assert (page.stack.name, page.service, page.port, page.target_port) == (
        *("space/way", "page", "http"),
        3000,
    )
    assert pages.read(ingress(), SERVICE, []).target_port == 80


def test_pods_that_are_ready_are_targets() -> None:
    assert pages.addresses(SLICES) == {"10.1.0.1"}
    assert pages.addresses([{"endpoints": None}]) == frozenset()


def test_a_port_goes_by_name_or_number() -> None:
    by_number = {"service": {"name": "page", "port": {"number": 80}}}
    assert pages.read(ingress(backend=by_number), SERVICE, SLICES).target_port == 3000
    nowhere = {"service": {"name": "page", "port": {"name": "https"}}}
    with pytest.raises(WantedError, match="unable to find port https on service page"):
        pages.read(ingress(backend=nowhere), SERVICE, SLICES)


def test_what_leads_elsewhere_is_refused() -> None:
    with_host = ingress()
    with_host["spec"]["rules"][0]["host"] = "example.org"
    nothing: dict[str, Any] = {"spec": {}}
    for each in (with_host, nothing, ingress(path="/api"), ingress(pathType="Exact")):
        with pytest.raises(WantedError, match="is known here"):
            pages.service_of(each)
