"""How values are written: each check gives the value, or tells why a text is none."""

from __future__ import annotations

import ipaddress
import re
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# Of a stack, a cluster and image repositories, whose rules differ, with room for what names add.
_NAME = re.compile(r"[a-z](?:[a-z0-9]|-(?!-)){0,38}[a-z0-9]")
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]{3,9}){1,2}-[1-9][0-9]?")


def name(text: str) -> str:
    """A deployment's name."""
    if not _NAME.fullmatch(text):
        raise ArgumentTypeError(
            f"{text!r} is no name; write a-z, 0-9 and single hyphens, beginning with a letter, "
            "2 to 40 of them"
        )
    return text


def region(text: str) -> str:
    """A region's name; whether there is one of that name, only Amazon knows."""
    if not _REGION.fullmatch(text):
        raise ArgumentTypeError(f"{text!r} is no region; write one like us-west-2")
    return text


def cidr(text: str) -> str:
    """An IPv4 network, such as 10.0.0.0/16."""
    try:
        return str(ipaddress.IPv4Network(text.strip()))
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is no CIDR block ({error})") from error


def network(text: str) -> str:
    """An IPv4 network of a size that a VPC over three zones needs."""
    block = ipaddress.IPv4Network(cidr(text))
    if not 16 <= block.prefixlen <= 19:  # noqa: PLR2004 - six subnets of 1,024 addresses
        raise ArgumentTypeError(f"{text}: a VPC's block is from /16 to /19")
    return str(block)


def cidrs(text: str) -> str:
    """IPv4 networks, with commas between."""
    return ",".join(map(cidr, text.split(",")))


def whole(least: int, most: int) -> Callable[[str], str]:
    """A number in a range."""

    def parse(text: str) -> str:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ArgumentTypeError(f"{text!r} is no number from {least} to {most}")
        return str(int(text))

    return parse


def one_of(*choices: object) -> Callable[[str], str]:
    """One of a few values."""

    def parse(text: str) -> str:
        if text not in map(str, choices):
            raise ArgumentTypeError(f"{text!r} is none of {', '.join(map(str, choices))}")
        return text

    return parse


def like(pattern: str, example: str, *, optional: bool = True) -> Callable[[str], str]:
    """A text of this form; the empty one takes a setting back."""

    def parse(text: str) -> str:
        if not (re.fullmatch(pattern, text) or (optional and not text)):
            raise ArgumentTypeError(f"{text!r} is not like {example}")
        return text

    return parse
