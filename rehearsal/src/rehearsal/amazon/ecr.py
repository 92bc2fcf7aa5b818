"""ECR's API: moto's, with repositories that lie in a registry on this machine."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from moto.core.responses import ActionResult
from moto.ecr.responses import ECRResponse


@dataclass(slots=True)
class Registry:
    """Where images are pushed to.

    Attributes:
        host: such as localhost:5000; it takes any password.
    """

    host: str


class Ecr(ECRResponse):
    """The actions; moto makes one of these for each call."""

    registry: ClassVar[Registry]

    def create_repository(self) -> ActionResult:
        """Makes a repository."""
        answer = ECRResponse.create_repository(self)
        repository = self.ecr_backend.repositories[self._get_param("repositoryName")]
        repository.uri = f"{self.registry.host}/{repository.name}"
        return answer

    def get_authorization_token(self) -> ActionResult:
        """Gives a password for the registry, for as long as ECR does."""
        token = b64encode(b"AWS:rehearsal").decode("ascii")
        told = {
            "authorizationToken": token,
            "expiresAt": datetime.now(UTC) + timedelta(hours=12),
            "proxyEndpoint": f"http://{self.registry.host}",
        }
        return ActionResult({"authorizationData": [told]})
