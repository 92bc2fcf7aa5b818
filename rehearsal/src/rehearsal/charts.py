"""Stand-ins for the charts of the controllers, packed as the versions that are pinned."""

from __future__ import annotations

import tomllib
from pathlib import Path

from rehearsal.processes import run

ROOT = Path(__file__).resolve().parents[3]
PINNED = ROOT / "deploy/charts/charts.toml"


def pack(folder: Path) -> Path:
    """Packs the charts as `<chart>-<version>.tgz`.

    Args:
        folder: that a folder for them is made in.

    Returns:
        The folder, for --chart-mirror.

    Raises:
        RehearsalError: there is no helm, or no stand-in for a chart.
    """
    mirror = folder / "charts"
    mirror.mkdir()
    # Its settings and caches are not the user's.
    homes = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
    environment = {name: str(folder / "helm") for name in homes}
    for each in tomllib.loads(PINNED.read_text(encoding="utf-8")).values():
        chart = ROOT / "rehearsal/charts" / each["chart"]
        run(
            *("helm", "package", str(chart), f"--version={each['version']}"),
            f"--destination={mirror}",
            environment=environment,
        )
    return mirror
