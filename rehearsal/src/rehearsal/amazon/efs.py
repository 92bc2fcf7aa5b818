"""EFS's API: moto's, and what it lacks."""

from __future__ import annotations

import json

from moto.efs.responses import EFSResponse


class Efs(EFSResponse):
    """The actions; moto makes one of these for each call."""

    def put_backup_policy(self) -> tuple[str, dict[str, str | int]]:
        """Has AWS Backup save a file system by its own plan, or not."""
        policy = json.loads(self.body)["BackupPolicy"]
        name = self._get_param("FileSystemId")
        (found,) = self.efs_backend.describe_file_systems(
            marker=None, max_items=1, creation_token=None, file_system_id=name
        )[1]
        found._backup = policy["Status"] == "ENABLED"  # noqa: SLF001 -- moto sets it once only
        return json.dumps({"BackupPolicy": policy}), {"Content-Type": "application/json"}
