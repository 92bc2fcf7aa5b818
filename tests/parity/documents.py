"""What README.md and .env.example say of the settings."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A row of README.md's table of settings."""

    default: str
    services: frozenset[str]


def read_table(text: str) -> dict[str, Row]:
    """The rows of the table below the heading Settings, by setting."""
    _, _, section = text.partition("\n## Settings\n")
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (.*?) \| (.*?) \|", section.partition("\n## ")[0], re.MULTILINE
    )
    return {
        name: Row(default, frozenset(each.strip() for each in services.split(",")))
        for name, default, services in rows
    }


def read_example(text: str) -> dict[str, str]:
    """The settings of .env.example, each in a comment, with their defaults."""
    return dict(re.findall(r"^# ([A-Z_]+)=(.*)$", text, re.MULTILINE))


def mentions(text: str, default: str) -> bool:
    """Whether a text has a default among its words, be it written as 5 or 5.0."""
    words = re.findall(r"[^\s`;,]+", text)
    return any(same(word, default) for word in words)


def same(one: str, other: str) -> bool:
    """Whether two texts stand for one value."""
    try:
        return float(one) == float(other)
    except ValueError:
        return one == other
