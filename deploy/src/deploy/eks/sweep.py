"""The proof that nothing of a deployment is left, or the names of what is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.console import tell
from deploy.eks.inventory import Inventory
from deploy.eks.kinds import shown
from deploy.eks.waiting import Patience, wait_until_done
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Collection

    from deploy.eks.account import Account
    from deploy.eks.deployment import Deployment
    from deploy.eks.kinds import Found

SECONDS = 120.0  # file systems, addresses and interfaces go a while after they were deleted
TAG_EDITOR = "https://console.aws.amazon.com/resource-groups/tag-editor/find-resources"


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something that is left.

    Attributes:
        what: its kind and id.
        removal: a command, or a place of the console.
    """

    what: str
    removal: str


def sweep(account: Account, deployment: Deployment, kept: Collection[str]) -> list[Leftover]:
    """Looks until nothing is left, or for `SECONDS`, since much goes a while after its deletion.

    Args:
        account: to look in.
        deployment: whose resources are looked for.
        kept: ids that are meant to stay.

    Raises:
        DeployError: a service refuses to be asked; then nothing is proven.
    """
    return look_through(Inventory(account, deployment), kept)


def look_through(inventory: Inventory, kept: Collection[str]) -> list[Leftover]:
    """Does what `sweep` does, with clients that are there."""
    left: list[Found] = []

    def look() -> str | None:
        left.clear()
        left.extend(each for each in inventory.find_all() if not {each.id, each.within} & set(kept))
        return f"{len(left)} left: {_names(left)}" if left else None

    try:
        wait_until_done(
            f"sweep of {inventory.deployment.name}", look, Patience(SECONDS, every=15.0)
        )
    except DeployError:
        if not left:  # it was not time that ran out
            raise
    return [_leftover(inventory, each) for each in left]


def report(left: Collection[Leftover], deployment: Deployment) -> None:
    """Tells what is left.

    Raises:
        DeployError: there is something.
    """
    for each in left:
        tell(f"left: {each.what}; remove it by: {each.removal}")
    tell(f"{len(left)} left")
    if left:
        raise DeployError(
            f"{deployment.name}: what is told as left is there, and may cost money; remove it as "
            "told, or run this command again"
        )


def _names(found: Collection[Found]) -> str:
    return ", ".join(f"{each.kind.name} {each.id}" if each.kind else each.id for each in found)


def _leftover(inventory: Inventory, found: Found) -> Leftover:
    if found.kind is None:
        return Leftover(f"{found.id} (told by the tag API alone)", TAG_EDITOR)
    words = inventory.words(found.id, found.within)
    return Leftover(_names([found]), shown(found.kind, words, inventory.account.region))
