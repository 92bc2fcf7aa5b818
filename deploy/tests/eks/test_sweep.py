from __future__ import annotations

from typing import TYPE_CHECKING, Any

import botocore.session
import fake_amazon
import jmespath
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator
from fake_backups import OK, Backups, answering

from deploy.eks import inventory as inventories
from deploy.eks import sweep
from deploy.eks.catalog import FILE_SYSTEM, KEY, KINDS, RECOVERY_POINT, REPOSITORY, VAULT, VOLUME
from deploy.eks.deployment import TAG, Deployment
from deploy.eks.inventory import Inventory
from deploy.eks.kinds import filled, identify, is_owned, put_in, shown, tags_of
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fake_amazon import Amazon

    from deploy.eks.kinds import Kind

WORDS = {
    "id": "arn:aws:service:us-west-2:123456789012:it",  # long enough for whatever it stands for
    "within": "vault",
    "name": "trial",
    "region": "us-west-2",
    "partition": "aws",
    "account": "123456789012",
}
TAGS: Any = [{"Key": TAG, "Value": "trial"}]
POINT = "arn:aws:backup:us-west-2:123456789012:recovery-point:1"
ARNS = [
    ("ec2:us-west-2:1:volume/vol-1", "volume", "vol-1"),
    ("ec2:us-west-2:1:natgateway/nat-1", "NAT gateway", "nat-1"),
    ("ec2:us-west-2:1:elastic-ip/eipalloc-1", "Elastic IP address", "eipalloc-1"),
    ("ec2:us-west-2:1:network-interface/eni-1", "network interface", "eni-1"),
    ("eks:us-west-2:1:cluster/trial", "cluster, or a part of one", "trial"),
    ("eks:us-west-2:1:nodegroup/trial/serving/1-2", "cluster, or a part of one", "trial"),
    ("elasticfilesystem:us-west-2:1:access-point/fsap-1", "access point", "fsap-1"),
    ("ecr:us-west-2:1:repository/trial/trainer", "image repository", "trial/trainer"),
    ("logs:us-west-2:1:log-group:/aws/eks/trial/cluster", "log group", "/aws/eks/trial/cluster"),
    ("logs:us-west-2:1:log-group:/aws/eks/trial/cluster:*", "log group", "/aws/eks/trial/cluster"),
    ("iam::1:role/trial-NodeRole-1", "role", "trial-NodeRole-1"),
    ("kms:us-west-2:1:key/1-2", "key", "1-2"),
    ("backup:us-west-2:1:backup-vault:trial", "backup vault", "trial"),
    ("cloudformation:us-west-2:1:stack/trial/1-2", "stack", "trial"),
    ("autoscaling:us-west-2:1:autoScalingGroup:1-2:autoScalingGroupName/one", "", "one"),
    ("aps:us-west-2:1:workspace/ws-1", "metrics workspace", "ws-1"),
]


@pytest.fixture
def amazon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    with fake_amazon.answering(monkeypatch) as found:
        yield found


@pytest.fixture
def deployment() -> Deployment:
    return Deployment("trial", fake_amazon.REGION)


@pytest.fixture
def backups(amazon: Amazon) -> Iterator[Backups]:
    found = Backups()
    with found.served(amazon.account.session):
        yield found


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog of a few kinds: to ask each service takes a while."""
    kinds = (VOLUME, FILE_SYSTEM, VAULT, RECOVERY_POINT, KEY)
    monkeypatch.setattr(inventories, "KINDS", kinds)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "SECONDS", -1.0)


@pytest.fixture
def inventory(amazon: Amazon, deployment: Deployment, backups: Backups) -> Inventory:
    assert not backups.points
    return Inventory(amazon.account, deployment)


def look(amazon: Amazon, *kept: str) -> list[sweep.Leftover]:
    return sweep.sweep(amazon.account, Deployment("trial", "us-west-2"), kept)


def volume(amazon: Amazon, key: str = TAG, value: str = "trial") -> str:
    made = amazon.account.session.client("ec2").create_volume(
        AvailabilityZone="us-west-2a",
        Size=1,
        TagSpecifications=[
            {"ResourceType": "volume", "Tags": [{"Key": key, "Value": value}]},
        ],
    )
    return str(made["VolumeId"])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_call_of_the_catalog_is_one_of_its_service(kind: Kind) -> None:
    service = botocore.session.get_session().get_service_model(kind.service)
    operations = {xform_name(each): each for each in service.operation_names}
    for call in (kind.one, kind.remove, *kind.every, *filter(None, [kind.tags])):
        shape = service.operation_model(operations[call.operation]).input_shape
        arguments = filled(call.arguments, WORDS)
        report = ParamValidator().validate(arguments, shape) if shape else None
        assert report is None or not report.has_errors(), report.generate_report()
        if call.pick:
            jmespath.compile(put_in(call.pick, WORDS))


@pytest.mark.parametrize(("arn", "name", "resource"), ARNS)
def test_an_arn_tells_a_kind_and_an_id(arn: str, name: str, resource: str) -> None:
    found = identify(f"arn:aws:{arn}", KINDS)
    assert found.kind
    assert found.kind.name == name or not name
    assert found.id == resource


def test_a_load_balancer_is_known_by_its_arn() -> None:
    arn = "arn:aws:elasticloadbalancing:us-west-2:1:loadbalancer/app/one/1"
    found = identify(arn, KINDS)
    assert found.kind
    assert (found.kind.name, found.id) == ("load balancer", arn)


def test_tags_are_read_in_every_form() -> None:
    for told in (
        [{"Key": "a", "Value": "b"}],
        [{"key": "a", "value": "b"}],
        [{"TagKey": "a", "TagValue": "b"}],
        {"a": "b"},
    ):
        assert tags_of(told) == {"a": "b"}
    assert tags_of(None) == {}


@pytest.mark.parametrize(
    ("tags", "owned"),
    [
        ({TAG: "trial"}, True),
        ({TAG: "trial-2"}, False),
        ({"kubernetes.io/cluster/trial": "owned"}, True),
        ({"kubernetes.io/cluster/trial": "shared"}, False),
        ({"elbv2.k8s.aws/cluster": "trial"}, True),
        ({"aws:cloudformation:stack-name": "trial"}, True),
        ({}, False),
    ],
)
def test_tags_tell_an_owner(tags: dict[str, str], owned: bool) -> None:  # noqa: FBT001
    assert is_owned(VOLUME, "vol-1", tags, "trial") is owned


def test_a_removal_is_shown_as_a_command() -> None:
    words = WORDS | {"id": "trial/trainer"}
    shows = "aws ecr delete-repository --repository-name trial/trainer --force --region us-west-2"
    assert shown(REPOSITORY, words, "us-west-2") == shows


@pytest.mark.usefixtures("few")
def test_nothing_is_left_in_an_empty_account(
    amazon: Amazon, inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep.report(look(amazon), inventory.deployment)
    assert capsys.readouterr().out == "0 left\n"
    assert not amazon.changes


@pytest.mark.usefixtures("few")
def test_what_is_left_is_named_with_its_removal(
    amazon: Amazon, inventory: Inventory, capsys: pytest.CaptureFixture[str]
) -> None:
    made = volume(amazon)
    volume(amazon, value="trial-2")
    with pytest.raises(DeployError, match="trial: what is told as left"):
        sweep.report(look(amazon), inventory.deployment)
    told = capsys.readouterr().out
    removal = f"aws ec2 delete-volume --volume-id {made} --region us-west-2"
    assert told == f"left: volume {made}; remove it by: {removal}\n1 left\n"


def test_everything_is_found_by_the_lists_of_its_service(
    amazon: Amazon, inventory: Inventory, backups: Backups
) -> None:
    session, expected = amazon.account.session, fill(amazon)
    backups.points[POINT] = "trial"
    session.client("budgets").create_budget(
        AccountId="123456789012",
        Budget={
            "BudgetName": "trial",
            "TimeUnit": "MONTHLY",
            "BudgetType": "COST",
            "BudgetLimit": {"Amount": "1", "Unit": "USD"},
        },
    )
    found = {each.kind.name for each in inventory.find_all() if each.kind}
    assert found == expected | {"recovery point", "budget"}


@pytest.mark.usefixtures("few")
def test_what_the_tag_api_tells_is_left_only_if_it_is_there(
    amazon: Amazon, inventory: Inventory
) -> None:
    region = "arn:aws:ec2:us-west-2:123456789012"
    told = [f"{region}:volume/vol-0123456789abcdef0", f"{region}:spot-instances-request/sir-1"]
    pages = {"ResourceTagMappingList": [{"ResourceARN": each} for each in told]}

    def answer(**_: object) -> tuple[Any, dict[str, Any]]:
        return OK, pages

    with answering(amazon.account.session, "resourcegroupstaggingapi.GetResources", answer):
        [left] = look(amazon)
    assert left.what == f"{told[1]} (told by the tag API alone)"
    assert "tag-editor" in left.removal
    assert not inventory.find(VOLUME)


def test_all_pages_are_read(amazon: Amazon, inventory: Inventory) -> None:
    made = {volume(amazon) for _ in range(3)}
    asked: list[str] = []

    def cut(parsed: dict[str, Any], **_: object) -> None:
        """Makes two pages of the first answer, as if the service did."""
        asked.append("")
        if len(asked) == 1:
            parsed["Volumes"], parsed["NextToken"] = parsed["Volumes"][:1], "more"
        elif len(asked) == 2:
            parsed["Volumes"] = parsed["Volumes"][1:]

    amazon.account.session.events.register("after-call.ec2.DescribeVolumes", cut)
    try:
        assert {each.id for each in inventory.find(VOLUME)} == made
    finally:
        amazon.account.session.events.unregister("after-call.ec2.DescribeVolumes", cut)


@pytest.mark.usefixtures("few")
def test_what_is_being_deleted_is_waited_for(
    amazon: Amazon, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "SECONDS", 60.0)
    made = volume(amazon)

    def go() -> None:
        amazon.account.session.client("ec2").delete_volume(VolumeId=made)

    amazon.asleep = go
    assert inventory.find(VOLUME)
    assert not look(amazon)


@pytest.mark.usefixtures("few")
def test_what_is_kept_is_not_left(amazon: Amazon, inventory: Inventory, backups: Backups) -> None:
    session = amazon.account.session
    made = session.client("efs").create_file_system(CreationToken="one", Tags=TAGS)
    session.client("backup").create_backup_vault(
        BackupVaultName="trial", BackupVaultTags={TAG: "trial"}
    )
    backups.points[POINT] = "trial"
    assert {each.kind for each in inventory.find_all()} > {FILE_SYSTEM, RECOVERY_POINT}
    assert not look(amazon, made["FileSystemId"], "trial")


@pytest.mark.usefixtures("few")
def test_a_key_that_is_about_to_go_is_gone(amazon: Amazon, inventory: Inventory) -> None:
    client = amazon.account.session.client("kms")
    key = client.create_key(Tags=[{"TagKey": TAG, "TagValue": "trial"}])["KeyMetadata"]["KeyId"]
    assert [each.id for each in inventory.find(KEY)] == [key]
    client.schedule_key_deletion(KeyId=key)
    assert not look(amazon)


@pytest.mark.usefixtures("few")
def test_a_service_that_refuses_is_no_proof(amazon: Amazon, inventory: Inventory) -> None:
    def refuse(**_: object) -> tuple[Any, dict[str, Any]]:
        told = {"Code": "AccessDeniedException", "Message": "not you"}
        return type("Response", (), {"status_code": 400}), {"Error": told}

    assert not inventory.find(VOLUME)
    with (
        answering(amazon.account.session, "backup.ListBackupVaults", refuse),
        pytest.raises(DeployError, match="list_backup_vaults: not you"),
    ):
        look(amazon)


def test_the_keys_of_others_may_be_closed(amazon: Amazon, inventory: Inventory) -> None:
    def refuse(**_: object) -> tuple[Any, dict[str, Any]]:
        told = {"Code": "AccessDeniedException", "Message": "not you"}
        return type("Response", (), {"status_code": 400}), {"Error": told}

    amazon.account.session.client("kms").create_key()
    with answering(amazon.account.session, "kms.ListResourceTags", refuse):
        assert not inventory.find(KEY)


def fill(amazon: Amazon) -> set[str]:
    """Makes one of most kinds, and tells which."""
    session = amazon.account.session
    ec2, balancing, files = session.client("ec2"), session.client("elbv2"), session.client("efs")

    def tagged(kind: Any) -> list[Any]:  # noqa: ANN401 - a literal of boto3's
        return [{"ResourceType": kind, "Tags": TAGS}]

    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(
            VpcId=vpc,
            CidrBlock=f"10.0.{number}.0/24",
            AvailabilityZone=zone,
            TagSpecifications=tagged("subnet"),
        )["Subnet"]["SubnetId"]
        for number, zone in enumerate(("us-west-2a", "us-west-2b"))
    ]
    ec2.create_security_group(
        GroupName="a",
        Description="a",
        VpcId=vpc,
        TagSpecifications=tagged("security-group"),
    )
    ec2.create_route_table(VpcId=vpc, TagSpecifications=tagged("route-table"))
    ec2.create_internet_gateway(TagSpecifications=tagged("internet-gateway"))
    ec2.create_network_interface(SubnetId=subnets[0], TagSpecifications=tagged("network-interface"))
    ec2.create_launch_template(
        LaunchTemplateName="a",
        LaunchTemplateData={},
        TagSpecifications=tagged("launch-template"),
    )
    ec2.create_nat_gateway(
        SubnetId=subnets[0],
        ConnectivityType="private",
        TagSpecifications=tagged("natgateway"),
    )
    ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))
    ec2.run_instances(
        ImageId=ec2.register_image(Name="image")["ImageId"],
        MinCount=1,
        MaxCount=1,
        SubnetId=subnets[0],
        TagSpecifications=tagged("instance"),
    )
    volume(amazon)
    balancing.create_load_balancer(Name="a", Subnets=subnets, Tags=TAGS)
    balancing.create_target_group(Name="a", Protocol="HTTP", Port=80, VpcId=vpc, Tags=TAGS)
    system = files.create_file_system(CreationToken="a", Tags=TAGS)["FileSystemId"]
    files.create_access_point(ClientToken="a", FileSystemId=system, Tags=TAGS)
    session.client("ecr").create_repository(repositoryName="trial/trainer", tags=TAGS)
    session.client("logs").create_log_group(logGroupName="/aws/containerinsights/trial/application")
    session.client("logs").create_log_group(logGroupName="/aws/eks/trial-2/cluster")
    session.client("kms").create_key(Tags=[{"TagKey": TAG, "TagValue": "trial"}])
    session.client("backup").create_backup_vault(
        BackupVaultName="trial", BackupVaultTags={TAG: "trial"}
    )
    session.client("iam").create_role(
        RoleName="trial-role", AssumeRolePolicyDocument="{}", Tags=TAGS
    )
    session.client("iam").create_open_id_connect_provider(Url="https://a.example", Tags=TAGS)
    session.client("eks").create_cluster(
        name="trial",
        roleArn="arn:aws:iam::123456789012:role/trial-role",
        resourcesVpcConfig={"subnetIds": subnets},
    )
    session.client("cloudformation").create_stack(
        StackName="trial",
        TemplateBody='{"Resources": {"A": {"Type": "AWS::SNS::Topic"}}}',
        Tags=TAGS,
    )
    made = (
        "VPC,subnet,security group,route table,internet gateway,network interface,launch template,"
        "NAT gateway,Elastic IP address,instance,volume,load balancer,target group,file system,"
        "access point,image repository,log group,key,backup vault,role,OIDC provider,stack"
    )
    return {*made.split(","), "cluster, or a part of one"}
