"""The tag API, of what moto's leaves out: EKS, ECR, CloudFormation's stacks and Prometheus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from moto.amp.models import amp_backends
from moto.core.resource_tagging import TaggableResourcesMixin, TaggedResource
from moto.ecr.models import ecr_backends
from moto.eks.models import eks_backends

from rehearsal.amazon.stacks import DELETED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rehearsal.amazon.eks_parts import Clusters
    from rehearsal.amazon.stacks import Stacks


@dataclass(frozen=True, slots=True)
class Untold(TaggableResourcesMixin):
    """What the tag API tells as well."""

    SERVICE_NAMESPACE: ClassVar[str] = "rehearsal"

    stacks: Stacks
    clusters: Clusters

    def iter_tagged_resources(self) -> Iterator[TaggedResource]:
        """Everything with its tags."""
        account, region = self.stacks.account, self.stacks.region
        for cluster in eks_backends[account][region].clusters.values():
            yield TaggedResource(cluster.arn, dict(cluster.tags), "eks:cluster")
            for group in cluster.nodegroups.values():
                yield TaggedResource(group.arn, dict(group.tags), "eks:nodegroup")
        for parts in self.clusters.parts.values():
            for arn, tags in parts.tagged():
                yield TaggedResource(arn, dict(tags), "eks")
        ecr = ecr_backends[account][region]
        for repository in ecr.repositories.values():
            tags = ecr.tagger.get_tag_dict_for_resource(repository.arn)
            yield TaggedResource(repository.arn, tags, "ecr:repository")
        amp = amp_backends[account][region]
        for workspace in amp.workspaces.values():
            tags = amp.tagger.get_tag_dict_for_resource(workspace.arn)
            yield TaggedResource(workspace.arn, tags, "aps:workspace")
        for stack in self.stacks.all.values():
            if stack.status != DELETED and stack.target:
                yield TaggedResource(stack.id, dict(stack.target.tags), "cloudformation:stack")

    def owns_arn(self, arn: str) -> bool:
        """Whether tags are put on it here: they are not."""
        del arn
        return False


def completed(
    find: Callable[[str, str], Iterator[TaggableResourcesMixin]], untold: Untold
) -> Callable[[str, str], Iterator[TaggableResourcesMixin]]:
    """Moto's list of what has tags, and the rest."""

    def iterate(account: str, region: str) -> Iterator[TaggableResourcesMixin]:
        yield from find(account, region)
        yield untold

    return iterate
