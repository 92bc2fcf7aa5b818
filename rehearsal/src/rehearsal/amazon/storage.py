"""Resources that keep data: file systems, image repositories, keys, logs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from rehearsal.amazon.providers import Fixed, Made

if TYPE_CHECKING:
    from rehearsal.amazon.providers import Calls, Properties, Provider


class FileSystem:
    """A file system of EFS."""

    finishes: ClassVar[bool] = True

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it, with its policies."""
        names = ("Encrypted", "KmsKeyId", "PerformanceMode", "ThroughputMode")
        told = calls("efs").create_file_system(
            CreationToken=calls.new_name(),
            **{each: properties[each] for each in names if each in properties},
            Tags=properties["FileSystemTags"],
        )
        name = told["FileSystemId"]
        return Made(name, {"FileSystemId": name, "Arn": told["FileSystemArn"]})

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Sets what can be set."""
        client, name = calls("efs"), made.id

        def changed(key: str) -> bool:
            return key in new and old.get(key) != new[key]

        if changed("LifecyclePolicies"):
            client.put_lifecycle_configuration(
                FileSystemId=name, LifecyclePolicies=new["LifecyclePolicies"]
            )
        if changed("BackupPolicy"):
            client.put_backup_policy(FileSystemId=name, BackupPolicy=new["BackupPolicy"])
        if changed("FileSystemPolicy"):
            policy = json.dumps(new["FileSystemPolicy"])
            client.put_file_system_policy(FileSystemId=name, Policy=policy)
        if old and changed("FileSystemTags"):
            client.tag_resource(ResourceId=name, Tags=new["FileSystemTags"])
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del properties
        calls("efs").delete_file_system(FileSystemId=made.id)


class MountTarget(Fixed):
    """A file system's address in a subnet."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        name = calls("efs").create_mount_target(**properties)["MountTargetId"]
        return Made(name, {"Id": name})

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del properties
        calls("efs").delete_mount_target(MountTargetId=made.id)


class AccessPoint(Fixed):
    """A folder of a file system, and who its users are there."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        given = dict(properties)
        tags = given.pop("AccessPointTags")
        token = calls.new_name()
        told = calls("efs").create_access_point(ClientToken=token, Tags=tags, **given)
        name = told["AccessPointId"]
        return Made(name, {"AccessPointId": name, "Arn": told["AccessPointArn"]})

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it; its folder stays."""
        del properties
        calls("efs").delete_access_point(AccessPointId=made.id)


class Repository:
    """A repository of images."""

    finishes: ClassVar[bool] = True

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it, with its policies."""
        name = properties.get("RepositoryName", calls.new_name(256).lower())
        scan = properties.get("ImageScanningConfiguration", {})
        encryption = properties.get("EncryptionConfiguration")
        told = calls("ecr").create_repository(
            repositoryName=name,
            imageTagMutability=properties.get("ImageTagMutability", "MUTABLE"),
            imageScanningConfiguration={"scanOnPush": scan.get("ScanOnPush", False)},
            tags=properties["Tags"],
            **({"encryptionConfiguration": camel(encryption)} if encryption else {}),
        )["repository"]
        attributes = {"Arn": told["repositoryArn"], "RepositoryUri": told["repositoryUri"]}
        return Made(name, attributes)

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Sets what can be set."""
        client = calls("ecr")
        policy = new.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
        if policy and old.get("LifecyclePolicy") != new["LifecyclePolicy"]:
            client.put_lifecycle_policy(repositoryName=made.id, lifecyclePolicyText=policy)
        if old:
            scan = new.get("ImageScanningConfiguration", {}).get("ScanOnPush", False)
            client.put_image_scanning_configuration(
                repositoryName=made.id, imageScanningConfiguration={"scanOnPush": scan}
            )
            client.put_image_tag_mutability(
                repositoryName=made.id, imageTagMutability=new.get("ImageTagMutability", "MUTABLE")
            )
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it, with its images if that is wanted."""
        force = properties.get("EmptyOnDelete", False)
        calls("ecr").delete_repository(repositoryName=made.id, force=force)


class Key:
    """A key of KMS."""

    finishes: ClassVar[bool] = True

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        told = calls("kms").create_key(
            Description=properties.get("Description", ""),
            Policy=json.dumps(properties["KeyPolicy"]),
            Tags=[{"TagKey": e["Key"], "TagValue": e["Value"]} for e in properties["Tags"]],
        )["KeyMetadata"]
        return Made(told["KeyId"], {"Arn": told["Arn"], "KeyId": told["KeyId"]})

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Sets its policy and its rotation."""
        client = calls("kms")
        if old and old["KeyPolicy"] != new["KeyPolicy"]:
            client.put_key_policy(
                KeyId=made.id, PolicyName="default", Policy=json.dumps(new["KeyPolicy"])
            )
        if new.get("EnableKeyRotation") and not old.get("EnableKeyRotation"):
            client.enable_key_rotation(KeyId=made.id)
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Has it deleted after its waiting time."""
        days = properties.get("PendingWindowInDays", 30)
        calls("kms").schedule_key_deletion(KeyId=made.id, PendingWindowInDays=days)


class Alias(Fixed):
    """A name of a key."""

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        calls("kms").create_alias(**properties)
        return Made(properties["AliasName"])

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del properties
        calls("kms").delete_alias(AliasName=made.id)


class LogGroup:
    """A log group."""

    finishes: ClassVar[bool] = True

    def create(self, calls: Calls, properties: Properties) -> Made:
        """Makes it."""
        name = properties.get("LogGroupName", calls.new_name(512))
        key = {"kmsKeyId": properties["KmsKeyId"]} if "KmsKeyId" in properties else {}
        tags = {each["Key"]: each["Value"] for each in properties["Tags"]}
        calls("logs").create_log_group(logGroupName=name, tags=tags, **key)
        arn = f"arn:aws:logs:{calls.region}:{calls.account}:log-group:{name}:*"
        return Made(name, {"Arn": arn})

    def update(self, calls: Calls, made: Made, old: Properties, new: Properties) -> Made:
        """Sets for how long lines are kept."""
        days = new.get("RetentionInDays")
        if days and days != old.get("RetentionInDays"):
            calls("logs").put_retention_policy(logGroupName=made.id, retentionInDays=days)
        return made

    def delete(self, calls: Calls, made: Made, properties: Properties) -> None:
        """Deletes it."""
        del properties
        calls("logs").delete_log_group(logGroupName=made.id)


def camel(value: Any) -> Any:  # noqa: ANN401 -- as JSON
    """JSON with the names of its items as those services write them that begin in lower case."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: camel(each) for key, each in value.items()}
    return [camel(each) for each in value] if isinstance(value, list) else value


TYPES: dict[str, Provider] = {
    "AWS::EFS::FileSystem": FileSystem(),
    "AWS::EFS::MountTarget": MountTarget(),
    "AWS::EFS::AccessPoint": AccessPoint(),
    "AWS::ECR::Repository": Repository(),
    "AWS::KMS::Key": Key(),
    "AWS::KMS::Alias": Alias(),
    "AWS::Logs::LogGroup": LogGroup(),
}
