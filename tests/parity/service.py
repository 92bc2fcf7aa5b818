"""What defines a service, in whatever mode, and where the modes differ."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COMPONENTS = ("trainer", "inference", "frontend")
ABSENT = "-"

Key: TypeAlias = tuple[str, str]  # a component and one of its fields
Values: TypeAlias = dict[str, str]  # by mode


@dataclass(frozen=True, slots=True)
class Service:
    """A service as it runs when the user has set nothing; None is what its mode does not have.

    Attributes:
        component: trainer, inference or frontend.
        command: the whole command line.
        settings: the value of each setting that the service reads, or is given alone.
        settable: the settings that the service reads and the user may set.
        ports: address on the user's machine, or in the cluster, by the port that is listened on.
        routes: pattern of the paths that the page's server passes on.
        stop: the signal that asks it to end.
        grace_seconds: how long it may take to.
        user: user and group, as numbers.
        mounts: the volume, and `ro` or `rw`, by path.
        temporary: paths that are writable and in memory.
        health: what is asked, and when, in seconds.
        limits: cores and bytes.
        requests: the same, of what is set aside.
        pull: when the image is asked of a registry.
    """

    component: str
    command: str
    settings: Mapping[str, str]
    settable: frozenset[str]
    ports: Mapping[str, str]
    routes: str | None
    stop: str
    grace_seconds: float
    image: str | None = None
    user: str | None = None
    read_only_root: bool | None = None
    no_new_privileges: bool | None = None
    dropped_capabilities: frozenset[str] | None = None
    mounts: Mapping[str, str] | None = None
    temporary: frozenset[str] | None = None
    health: Mapping[str, str] | None = None
    limits: Mapping[str, str] | None = None
    requests: Mapping[str, str] | None = None
    restart: str | None = None
    pull: str | None = None


@dataclass(frozen=True, slots=True)
class Allowance:
    """A difference that is meant.

    Attributes:
        services: components that it is about.
        fields: as `flatten` names them.
        modes: the value in each mode that stands apart; the modes that are not named agree, so
            that a single one of three is not left without a value to agree with.
        reason: why it is meant.
    """

    services: Sequence[str]
    fields: Sequence[str]
    modes: Values
    reason: str


def read_allowances(path: Path) -> list[Allowance]:
    """The allow-list.

    Raises:
        TypeError: an entry lacks something, or has more.
    """
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    return [Allowance(**entry) for entry in content["allowed"]]


def find_faults(
    modes: Mapping[str, Mapping[str, Service]], allowances: Sequence[Allowance]
) -> list[str]:
    """Differences that are not allowed, and allowances that are not needed, a line each."""
    found = compare(modes)
    entries = [(key, each) for each in allowances for key in _keys(each)]
    allowed = {key: each for key, each in entries if is_needed(each, found.get(key, {}))}
    unmet = [_tell(key, values) for key, values in found.items() if key not in allowed]
    needless = [
        f"{component}: {field}: an entry of allowed.toml is not needed, or not what is the case"
        for (component, field), each in entries
        if allowed.get((component, field)) is not each
    ]
    return sorted(unmet + needless)


def compare(modes: Mapping[str, Mapping[str, Service]]) -> dict[Key, Values]:
    """The fields in which the modes differ, with what each mode has there."""
    flat = {
        mode: {
            (name, field): value for name in services for field, value in flatten(services[name])
        }
        for mode, services in modes.items()
    }
    keys = sorted({key for each in flat.values() for key in each})
    values = {key: {mode: flat[mode].get(key, ABSENT) for mode in flat} for key in keys}
    return {key: each for key, each in values.items() if len(set(each.values())) > 1}


def flatten(service: Service) -> list[tuple[str, str]]:
    """Each field with its value as text; `limits.memory` and the like for what has parts."""
    return [
        pair
        for field in fields(service)
        for pair in _parts(field.name, getattr(service, field.name))
    ]


def is_needed(allowance: Allowance, values: Values) -> bool:
    """Whether an allowance says what is the case, and no more than that.

    Args:
        allowance: names a value for some modes.
        values: what the modes have; empty when they all agree.
    """
    named = allowance.modes
    agreeing = [values[mode] for mode in values if mode not in named]
    return (
        bool(named)
        and all(values.get(mode) == value for mode, value in named.items())
        and len(set(agreeing)) <= 1
        and (len(agreeing) != 1 or len(named) == 1)
        and not set(agreeing) & set(named.values())
    )


def _parts(name: str, value: object) -> list[tuple[str, str]]:
    match value:
        case None:
            return []
        case Mapping():
            return [(f"{name}.{part}", str(text)) for part, text in value.items()]
        case frozenset():
            return [(f"{name}.{part}", "yes") for part in value]
        case bool():
            return [(name, "yes" if value else "no")]
        case _:
            return [(name, str(value))]


def _keys(allowance: Allowance) -> list[Key]:
    return [(service, field) for service in allowance.services for field in allowance.fields]


def _tell(key: Key, values: Values) -> str:
    component, field = key
    told = ", ".join(f"{value!r} in {mode}" for mode, value in values.items())
    return f"{component}: {field} is {told}: make them agree, or say why in allowed.toml"
