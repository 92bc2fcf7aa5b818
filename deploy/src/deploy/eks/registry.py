"""Docker, signed in to the deployment's registry: for one step, in a folder of its own."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.eks.account import CONFIG, told_in_one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from deploy.eks.account import Account


@contextmanager
def signed_in(account: Account, repositories: Collection[str]) -> Iterator[dict[str, str]]:
    """The environment in which Docker may push; the token is gone afterwards.

    The user's own configuration stays as it is, but its builders, contexts, plug-ins and proxies
    are those that Docker uses.

    Args:
        account: whose registry it is.
        repositories: their URIs.

    Raises:
        DeployError: ECR gives no token.
    """
    with told_in_one_line("GetAuthorizationToken"):
        client = account.session.client("ecr", config=CONFIG)
        token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    own = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    with tempfile.TemporaryDirectory(prefix="ml-pipeline-") as name:
        folder = Path(name)
        config = configuration(_read(own / "config.json"), _hosts(repositories), token)
        path = folder / "config.json"
        path.touch(mode=0o600)
        path.write_text(json.dumps(config), encoding="utf-8")
        for each in own.iterdir() if own.is_dir() else ():
            if each.name != path.name:
                (folder / each.name).symlink_to(each.resolve())
        yield {"DOCKER_CONFIG": name}


def configuration(own: Mapping[str, Any], hosts: Collection[str], token: str) -> dict[str, Any]:
    """The user's configuration, with a token for these registries.

    An empty helper for a registry has Docker look into the file, whatever `credsStore` says.
    """
    helpers = dict(own.get("credHelpers") or {}) | dict.fromkeys(hosts, "")
    tokens = {host: {"auth": token} for host in hosts}
    return {**own, "auths": {**(own.get("auths") or {}), **tokens}, "credHelpers": helpers}


def _hosts(repositories: Collection[str]) -> set[str]:
    return {each.partition("/")[0] for each in repositories}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # Docker itself tells of a file that is none
        return {}
    return found if isinstance(found, dict) else {}
