from __future__ import annotations

import yaml
from stack_template import NAME, RESOURCES, made, of

from deploy.eks.deployment import ROOT


def test_the_file_system() -> None:
    files = made()["FileSystem"].properties
    assert files["Encrypted"]
    assert files["ThroughputMode"] == "elastic"
    assert files["LifecyclePolicies"]
    denied = [
        (each["Sid"], each["Effect"], each["Condition"])
        for each in files["FileSystemPolicy"]["Statement"]
    ]
    assert denied == [
        ("NotInTheClear", "Deny", {"Bool": {"aws:SecureTransport": "false"}}),
        ("NotAtTheRoot", "Deny", {"Null": {"elasticfilesystem:AccessPointArn": "true"}}),
        (
            "NotFromElsewhere",
            "Deny",
            {"Bool": {"elasticfilesystem:AccessedViaMountTarget": "false"}},
        ),
    ]
    targets = of("AWS::EFS::MountTarget")
    assert [each["SubnetId"] for each in targets] == [f"${{PrivateSubnet{n}}}" for n in (1, 2, 3)]
    assert {str(each["SecurityGroups"]) for each in targets} == {"['${FileSecurityGroup}']"}


def test_the_file_system_is_reached_from_the_nodes_alone() -> None:
    (rule,) = made()["FileSecurityGroup"].properties["SecurityGroupIngress"]
    assert rule["SourceSecurityGroupId"] == "${Cluster.ClusterSecurityGroupId}"
    assert rule["FromPort"] == rule["ToPort"] == 2049
    assert not {"CidrIp", "CidrIpv6", "SourcePrefixListId"} & set(rule)
    (out,) = made()["FileSecurityGroup"].properties["SecurityGroupEgress"]
    assert out["CidrIp"] == "127.0.0.1/32"
    loose = [name for name, each in RESOURCES.items() if "SecurityGroupIngress" in each["Type"]]
    assert loose == []


def test_access_points_are_the_containers_user_s() -> None:
    job = yaml.safe_load((ROOT / "k8s/base/ml-training-job.yaml").read_text())
    security = job["spec"]["template"]["spec"]["securityContext"]
    user, group = str(security["runAsUser"]), str(security["runAsGroup"])
    for name in ("imgs", "data", "model"):
        point = made()[f"{name.capitalize()}AccessPoint"].properties
        assert point["PosixUser"] == {"Uid": user, "Gid": group}
        assert point["RootDirectory"]["Path"] == f"/{name}"
        created = point["RootDirectory"]["CreationInfo"]
        assert (created["OwnerUid"], created["OwnerGid"]) == (user, group)


def test_a_kept_file_system_is_used_again() -> None:
    found = made(FileSystemId="fs-0a")
    assert "FileSystem" not in found
    users = [each for each in found.values() if each.kind.startswith("AWS::EFS::")]
    assert len(users) == 6
    assert {each.properties["FileSystemId"] for each in users} == {"fs-0a"}
    role = str(found["FilesRole"].properties["Policies"])
    assert ":file-system/fs-0a'" in role
    (selected,) = found["BackupSelection"].properties["BackupSelection"]["Resources"]
    assert selected.endswith(":file-system/fs-0a")


def test_backups() -> None:
    (rule,) = made(BackupDays="9")["BackupPlan"].properties["BackupPlan"]["BackupPlanRule"]
    assert rule["Lifecycle"] == {"DeleteAfterDays": "9"}
    assert rule["TargetBackupVault"] == f"{NAME}-${{stack}}"
