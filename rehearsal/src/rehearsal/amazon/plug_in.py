"""The one place where moto is patched, for as long as a server runs."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import moto.backup.urls
import moto.cloudformation.urls
import moto.ecr.urls
import moto.efs.urls
import moto.eks.urls
import moto.servicequotas.urls
import moto.sts.urls
from moto.core import config, errors
from moto.core.base_backend import BackendDict
from moto.core.resource_tagging import iter_taggable_backends
from moto.core.responses import BaseResponse
from moto.resourcegroupstaggingapi import models as tag_models

from rehearsal.amazon import eks, extras, iam, machines, networks, storage
from rehearsal.amazon.cloudformation import CloudFormation
from rehearsal.amazon.ecr import Ecr
from rehearsal.amazon.efs import Efs
from rehearsal.amazon.eks_answers import Eks
from rehearsal.amazon.extras import Backup, Selections
from rehearsal.amazon.hook import hooked
from rehearsal.amazon.quotas import ServiceQuotas
from rehearsal.amazon.sts import Sts
from rehearsal.amazon.tagging import Untold, completed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rehearsal.amazon.ecr import Registry
    from rehearsal.amazon.eks_parts import Clusters
    from rehearsal.amazon.engine import Engine
    from rehearsal.recording import Recorder

TYPES = {
    **eks.TYPES,
    **extras.TYPES,
    **iam.TYPES,
    **machines.TYPES,
    **networks.TYPES,
    **storage.TYPES,
}

# Paths of actions that moto lacks, by the module that has those it knows.
_EKS_PATHS = ("{0}/clusters/(?P<name>[^/]+)/(?P<part>.+)$",)
_BACKUP_PATHS = (
    "{0}/backup/plans/(?P<name>[^/]+)/selections/$",
    "{0}/backup/plans/(?P<name>[^/]+)/selections/(?P<selection>[^/]+)$",
    "{0}/backup-vaults/(?P<name>[^/]+)/recovery-points/$",
)


@contextmanager
def plug_in(
    engine: Engine, clusters: Clusters, registry: Registry, recorder: Recorder
) -> Iterator[None]:
    """Adds to moto what it lacks, and starts from an account with nothing in it."""
    answers: dict[Any, Any] = {
        moto.cloudformation.urls: type("_", (CloudFormation,), {"engine": engine}),
        moto.eks.urls: type("_", (Eks,), {"clusters": clusters}),
        moto.backup.urls: type("_", (Backup,), {"selections": Selections()}),
        moto.ecr.urls: type("_", (Ecr,), {"registry": registry}),
        moto.efs.urls: Efs,
        moto.servicequotas.urls: ServiceQuotas,
        moto.sts.urls: Sts,
    }
    more = {moto.eks.urls: _EKS_PATHS, moto.backup.urls: _BACKUP_PATHS}
    BackendDict.reset()
    with ExitStack() as stack:
        for module, response in answers.items():
            paths = [*module.url_paths, *more.get(module, ())]
            replaced = dict.fromkeys(paths, response.dispatch)
            stack.enter_context(patch.object(module, "url_paths", replaced))
        call = hooked(BaseResponse.call_action, recorder, engine.faults)
        stack.enter_context(patch.object(BaseResponse, "call_action", call))
        find = completed(iter_taggable_backends, Untold(engine.stacks, clusters))
        stack.enter_context(patch.object(tag_models, "iter_taggable_backends", find))
        # It warns of codes that a service's model lacks, as each service has them.
        stack.enter_context(patch.object(errors, "warn", lambda *_, **__: None))
        policies = {"load_aws_managed_policies": True}
        stack.enter_context(patch.dict(config.default_user_config["iam"], policies))
        yield
    BackendDict.reset()
