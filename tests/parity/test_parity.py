"""The modes run the same services: what differs between them is in allowed.toml, with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import compose_mode
import kubernetes_mode
import processes_mode
import rendering
from service import COMPONENTS, find_faults, flatten, read_allowances
from sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service import Allowance, Service

CONTAINERS = ("compose", "kind")
HARDENED = {
    "user": "10001:10001",
    "read_only_root": "yes",
    "no_new_privileges": "yes",
    "dropped_capabilities.ALL": "yes",
}
LIMITS = {"trainer": ("2", 4 * 2**30), "inference": ("1", 2 * 2**30), "frontend": ("0.5", 2**29)}
HEALTH = {"inference": "GET /ping", "frontend": "GET /"}  # the trainer ends by itself
MOUNTS = {
    "trainer": {"/src/imgs": "imgs, rw", "/src/data": "data, rw", "/src/model": "model, rw"},
    "inference": {"/src/model": "model, ro"},
    "frontend": {},
}


@pytest.fixture(scope="module")
def allowances() -> list[Allowance]:
    return read_allowances(Path(__file__).with_name("allowed.toml"))


@pytest.fixture(scope="module")
def modes(images: None) -> dict[str, dict[str, Service]]:
    """The services of each mode."""
    del images
    return {
        "processes": processes_mode.render(),
        "compose": compose_mode.render(),
        "kind": kubernetes_mode.render(rendering.LOCAL),
    }


def test_the_modes_differ_only_in_what_is_allowed(
    modes: Mapping[str, Mapping[str, Service]], allowances: list[Allowance]
) -> None:
    faults = find_faults(modes, allowances)
    assert not faults, "\n" + "\n".join(faults)


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("mode", CONTAINERS)
def test_a_container_is_hardened_and_has_its_limits(
    modes: Mapping[str, Mapping[str, Service]], mode: str, component: str
) -> None:
    service = modes[mode][component]
    cores, memory = LIMITS[component]
    limits = {"limits.cpus": cores, "limits.memory": str(memory)}
    assert dict(flatten(service)).items() >= (HARDENED | limits).items()
    assert service.mounts == MOUNTS[component]
    assert (service.health or {}).get("request") == HEALTH.get(component)
    assert service.requests is not None
    assert int(service.requests["memory"]) < memory


@pytest.mark.parametrize("component", COMPONENTS)
@pytest.mark.parametrize("mode", CONTAINERS)
def test_a_container_keeps_its_files_in_its_volumes(
    modes: Mapping[str, Mapping[str, Service]], mode: str, component: str
) -> None:
    service = modes[mode][component]
    folders = {value for name, value in service.settings.items() if name.endswith("_DIR")}
    assert folders == set(service.mounts or {})


@pytest.mark.parametrize("mode", ["processes", *CONTAINERS])
def test_a_server_listens_on_the_port_that_is_published(
    modes: Mapping[str, Mapping[str, Service]], mode: str
) -> None:
    for component in ("inference", "frontend"):
        service = modes[mode][component]
        assert list(service.ports) == [service.settings["PORT"]]


@pytest.fixture
def change(
    modes: Mapping[str, Mapping[str, Service]], allowances: list[Allowance], tmp_path: Path
) -> Callable[[str, str], list[str]]:
    """Gives the faults of a compose file, or the settings it names, in which a text is another."""

    def change(text: str, instead: str) -> list[str]:
        settings = tmp_path / "settings.env"
        files = {"k8s/base/settings.env": settings, "compose.yaml": tmp_path / "compose.yaml"}
        originals = {name: (ROOT / name).read_text(encoding="utf-8") for name in files}
        assert any(text in original for original in originals.values())
        for name, changed in files.items():
            content = originals[name].replace(text, instead)
            changed.write_text(content.replace("k8s/base/settings.env", str(settings)))
        compose = compose_mode.render(files["compose.yaml"])
        return find_faults({**modes, "compose": compose}, allowances)

    return change


SETTINGS = "env_file: *settings\n    volumes:\n      - model:"  # inference's


@pytest.mark.parametrize(
    ("text", "instead", "field"),
    [
        ("cap_drop: [ALL]", "cap_drop: [CHOWN]", "dropped_capabilities.CHOWN"),
        (SETTINGS, SETTINGS.replace("env_file: *settings", ""), "settable.QUEUE_SIZE"),
        (", compose.env]", "]", "settable.QUEUE_SIZE"),
        (SETTINGS, f"environment: [QUEUE_SIZE=9]\n    {SETTINGS}", "settings.QUEUE_SIZE"),
        (SETTINGS, f"environment: [QUEUE_SIZE=9]\n    {SETTINGS}", "settable.QUEUE_SIZE"),
        (SETTINGS, f"environment: [QUEUE_SIZES=9]\n    {SETTINGS}", "settings.QUEUE_SIZES"),
        ("QUEUE_SIZE=64\n", "QUEUE_SIZE=9\n", "settings.QUEUE_SIZE"),
        ("QUEUE_SIZE=64\n", "QUEUE_SIZES=64\n", "settings.QUEUE_SIZES"),
        ("- model:/src/model:ro\n", "- model:/src/models:ro\n", "mounts./src/models"),
        ("- model:/src/model:ro\n", "- data:/src/model:ro\n", "mounts./src/model"),
        ("tmpfs: [/tmp]", "tmpfs: [/run]", "temporary./run"),
        (":-5000}:5000", ":-5000}:80", "ports.80"),
        (":-5000}:5000", ":-5001}:5000", "ports.5000"),
        ("127.0.0.1:${FRONTEND_PORT", "0.0.0.0:${FRONTEND_PORT", "ports.3000"),
        ("stop_grace_period: 35s", "stop_grace_period: 1m5s", "grace_seconds"),
    ],
)
def test_a_changed_compose_file_is_found(
    change: Callable[[str, str], list[str]], text: str, instead: str, field: str
) -> None:
    faults = change(text, instead)
    assert any(f": {field} is " in each for each in faults), faults
