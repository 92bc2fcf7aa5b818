"""Whether values are what a class's annotations say, however deep."""

from __future__ import annotations

import enum
import types
import typing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def faults(value: object, path: str = "") -> Iterator[str]:
    """Paths of the attributes that are not of the type that is annotated."""
    for name, hint in typing.get_type_hints(type(value)).items():
        here, found = f"{path}.{name}", getattr(value, name)
        if not _conforms(found, hint):
            yield f"{here} is {found!r}, not {hint}"
        for each in found if isinstance(found, list) else [found]:
            yield from faults(each, here)


def _conforms(value: object, hint: Any) -> bool:  # noqa: ANN401 - a type is of no common type
    arguments = typing.get_args(hint)
    origin = typing.get_origin(hint) or hint
    if origin in {typing.Union, types.UnionType}:
        return any(_conforms(value, each) for each in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(_conforms(each, arguments[0]) for each in value)
    return origin in {object, Any} or _is_a(value, origin)


def _is_a(value: object, kind: type) -> bool:
    if issubclass(kind, enum.Enum):
        return value in [member.value for member in kind]
    if kind in {int, float} and isinstance(value, bool):
        return False
    return isinstance(value, (int, float) if kind is float else kind)
