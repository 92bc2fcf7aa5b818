"""All stand-ins together, on Amazon's side and the cluster's, started and stopped as one.

What runs beside the program calls Amazon with `credentials(name)`, so that the recorder tells whose
call it was.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rehearsal import authenticator, balancer, charts, cluster, server
from rehearsal.credentials import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from rehearsal.cluster import Cluster
    from rehearsal.faults import Faults


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Stand-ins that run.

    Attributes:
        environment: what a program needs to meet them: Amazon's endpoint, credentials, region,
            and the proxy; nothing of it is the user's own.
        arguments: that every `eks deploy` needs beside a name and a region.
        aws: the endpoint of all of Amazon's services.
        cluster: as its administrator sees it, whatever access the deployment has given.
        calls: JSON lines, one a call to Amazon; see `recording`.
        faults: what is to fail.
    """

    environment: Mapping[str, str]
    arguments: tuple[str, ...]
    aws: str
    cluster: Cluster
    calls: Path
    faults: Faults


@contextmanager
def stand_ins(folder: Path) -> Iterator[Rehearsal]:
    """Starts everything, and takes everything away again.

    Args:
        folder: for what they write; it must be empty.
    """
    with ExitStack() as stack:
        network = cluster.make_network()
        aws = stack.enter_context(server.serve(folder, REGION))
        webhook = stack.enter_context(authenticator.serve(network.gateway, aws.url, REGION))
        kind = stack.enter_context(cluster.new_cluster(folder, webhook, aws.url, REGION))
        aws.adopt(kind)
        proxy = stack.enter_context(balancer.balance(kind, aws.url))
        yield Rehearsal(
            environment=dict(aws.environment)
            | {"HTTP_PROXY": proxy, "http_proxy": proxy, "NO_PROXY": "127.0.0.1,localhost"}
            | {"KUBECACHEDIR": str(folder / "cache")},
            arguments=(
                f"--chart-mirror={charts.pack(folder)}",
                "--admin-cidrs=127.0.0.1/32",
                f"--vpc-cidr={network.cidr}",
            ),
            aws=aws.url,
            cluster=kind,
            calls=aws.calls,
            faults=aws.faults,
        )
