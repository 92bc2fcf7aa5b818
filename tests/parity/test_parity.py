"""The modes run the same services: what differs between them is in allowed.toml, with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service import COMPONENTS, find_faults, flatten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service import Allowance, Service

pytest_plugins = ["modes"]

CONTAINERS = ("compose", "kind", "eks")
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
