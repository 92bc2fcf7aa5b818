"""The dashboard against Grafana's own types, and how it is laid out.

Grafana itself does not run here: that it draws the panels well is not shown. Its types know each
panel's options and the query; of field overrides and transformations only the outer form.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from configuration import DASHBOARD, MONITORING, PANELS, queries
from conformance import faults

WIDTH = 24
DATA_SOURCE = {"type": "prometheus", "uid": "prometheus"}


@pytest.fixture(scope="module")
def dashboard() -> Dashboard:
    plugins.register_default_plugins()
    return Dashboard.from_json(DASHBOARD)


def test_every_value_is_of_the_type_in_grafanas_schema(dashboard: Dashboard) -> None:
    assert list(faults(dashboard)) == []
    assert DASHBOARD["schemaVersion"] == Dashboard().schema_version


def test_grafanas_schema_knows_every_key(dashboard: Dashboard) -> None:
    read = json.loads(json.dumps(dashboard, cls=JSONEncoder))
    assert list(_lost(DASHBOARD, read)) == []


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: str(panel["title"]))
def test_a_panel_tells_what_it_shows(panel: dict[str, Any]) -> None:
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"].get("unit") or panel["type"] == "heatmap"
    assert all(each["datasource"] == DATA_SOURCE for each in [panel, *panel["targets"]])


def test_panels_are_unique_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    for key in ("id", "title"):
        assert len({panel[key] for panel in panels}) == len(panels)
    cells = [cell for panel in panels for cell in _cells(panel["gridPos"])]
    assert len(cells) == len(set(cells))
    assert {column for column, _ in cells} == set(range(WIDTH))
    assert len(cells) % WIDTH == 0, "a row has a gap"


def test_intervals_follow_the_time_shown() -> None:
    ranges = {text for query in queries() for text in re.findall(r"\[([^]]*)\]", query.expression)}
    assert ranges == {"$__rate_interval", "$__range"}


def test_what_is_provisioned_is_what_the_dashboard_names() -> None:
    (source,) = _provisioned("datasources/prometheus.yaml")["datasources"]
    assert {key: source[key] for key in DATA_SOURCE} == DATA_SOURCE
    interval = yaml.safe_load((MONITORING / "prometheus.yml").read_bytes())["global"]
    assert source["jsonData"]["timeInterval"] == interval["scrape_interval"]
    (provider,) = _provisioned("dashboards/inference.yaml")["providers"]
    assert provider["type"] == "file"


def _provisioned(path: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(
        (MONITORING / "grafana/provisioning" / path).read_bytes()
    )
    assert document["apiVersion"] == 1
    return document


def _cells(place: dict[str, int]) -> list[tuple[int, int]]:
    columns = range(place["x"], place["x"] + place["w"])
    return list(itertools.product(columns, range(place["y"], place["y"] + place["h"])))


def _lost(written: object, read: object, path: str = "") -> list[str]:
    """Where what was written is not in what was read; defaults may have come to it."""
    if isinstance(written, dict) and isinstance(read, dict):
        return [
            lost
            for key, value in written.items()
            for lost in _lost(value, read.get(key, "nothing"), f"{path}.{key}")
        ]
    if isinstance(written, list) and isinstance(read, list) and len(written) == len(read):
        pairs = enumerate(zip(written, read, strict=True))
        return [lost for index, pair in pairs for lost in _lost(*pair, f"{path}[{index}]")]
    return [] if written == read else [f"{path}: {written!r} became {read!r}"]
