from __future__ import annotations

import json
import os
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from deploy.eks import charts, inputs, preflight, programs, quotas, stacks, template, zones
from deploy.eks.account import Account
from deploy.eks.deployment import TAG, Deployment
from deploy.eks.options import Options
from deploy.eks.template import Resource
from deploy.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from deploy.eks.findings import Finding

REGION, NAME = "us-west-2", "mine"
ARN = f"arn:aws:acm:{REGION}:123456789012:certificate/{'0' * 8}-0000-0000-0000-{'0' * 12}"
TEMPLATE = template.read(stacks.template())
DEFAULTS = template.defaults(TEMPLATE) | {"AdminCidrs": "203.0.113.7/32"}
DOCKER = {"ServerVersion": "29.0.0", "DockerRootDir": "/"}
PROGRAMS = {  # what each prints for its first arguments
    "docker": {
        "info": json.dumps(DOCKER),
        "buildx version": "github.com/docker/buildx 0.29.1",
        "buildx inspect": "Name: default\nPlatforms: linux/amd64*, linux/amd64/v2, linux/arm64",
    },
    "kubectl": {"version": '{"clientVersion": {"gitVersion": "v1.35.4"}}'},
    "helm": {"version": "v3.22.0"},
}
SESSION = boto3.Session(region_name=REGION)  # one for all: it takes long to learn the services
STACK = "Resources: {Topic: {Type: AWS::SNS::Topic}}"


class Machine:
    """A PATH with nothing but stand-ins."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, answers in PROGRAMS.items():
            self.has(name, answers)

    def has(self, name: str, answers: dict[str, str]) -> None:
        cases = "".join(
            f"  '{arguments}'*) cat <<'END'\n{text}\nEND\n  exit 0;;\n"
            for arguments, text in answers.items()
        )
        path = self.folder / name
        path.write_text(f'#!/bin/sh\ncase "$*" in\n{cases}esac\nexit 1\n')
        path.chmod(0o755)

    def lacks(self, name: str) -> None:
        (self.folder / name).unlink()


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    (tmp_path / "cat").symlink_to(str(shutil.which("cat")))
    monkeypatch.setenv("PATH", str(tmp_path))
    space = SimpleNamespace(free=programs.DISK_BYTES)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: space)
    return Machine(tmp_path)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # a thousand, anew for each test
    with mock_aws():
        yield Account(SESSION, REGION)


def answers(monkeypatch: pytest.MonkeyPatch, operation: str, told: object) -> None:
    """Has one operation of Amazon's give an answer, or fail with it."""
    original = BaseClient._make_api_call  # type: ignore[attr-defined]  # noqa: SLF001

    def call(client: BaseClient, asked: str, arguments: dict[str, Any]) -> object:
        if asked != operation:
            return original(client, asked, arguments)
        if isinstance(told, Exception):
            raise told
        return told

    monkeypatch.setattr(BaseClient, "_make_api_call", call)


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """An account whose quotas are high; moto knows those of VPCs alone."""
    monkeypatch.setattr(quotas, "check", lambda *_: ())


def found(account: Account, **parameters: str) -> list[Finding]:
    given = {"AdminCidrs": "203.0.113.7/32"} | parameters
    given = {name: value for name, value in given.items() if value}
    return preflight.check(account, Options(Deployment(NAME, account.region), given))


def looked_at(**parameters: str) -> list[Finding]:
    values = DEFAULTS | parameters
    known = {name: value for name, value in values.items() if name in TEMPLATE["Parameters"]}
    resources = template.resources(TEMPLATE, known, NAME, REGION)
    return list(inputs.check(values, resources, REGION))


def texts(findings: list[Finding]) -> str:
    return "\n".join(each.what for each in findings)


@pytest.mark.usefixtures("wide")
def test_nothing_is_found_where_nothing_is_wrong(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = SESSION.client("acm").request_certificate(DomainName="example.com")["CertificateArn"]
    [pending] = found(account, CertificateArn=arn)
    assert f"{arn}: it is not valid, but PENDING_VALIDATION" in pending.what
    answers(monkeypatch, "DescribeCertificate", {"Certificate": {"Status": "ISSUED"}})
    assert found(account, CertificateArn=arn) == []


def test_everything_is_told_at_once(account: Account, machine: Machine) -> None:
    machine.lacks("helm")
    machine.lacks("docker")
    told = found(account, VpcCidr="172.20.0.0/16", AdminCidrs="0.0.0.0/0")
    for each in ("helm: ", "docker: ", "NOT ENCRYPTED", "THE WHOLE INTERNET", "vCPUs"):
        assert each in texts(told)
    assert {each.is_fatal for each in told} == {True, False}
    assert all(each.remedy for each in told if each.is_fatal)
    assert all("\n" not in each.what + each.remedy for each in told)


def test_without_credentials_the_rest_is_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machine: Machine
) -> None:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    machine.lacks("helm")
    told = preflight.check(
        Account(boto3.Session(region_name=REGION), REGION), Options(Deployment(NAME, REGION))
    )
    assert "no AWS credentials were found" in texts(told)
    assert "helm: it is not on the PATH" in texts(told)


@pytest.mark.parametrize("operation", ["GetCallerIdentity", "DescribeRegions", "GetServiceQuota"])
def test_amazon_that_does_not_answer_is_no_finding(
    account: Account, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    answers(monkeypatch, operation, EndpointConnectionError(endpoint_url="https://example.com"))
    with pytest.raises(UnreachableError, match=f"{operation}: AWS does not answer"):
        found(account)


@pytest.mark.usefixtures("account")
def test_a_region_that_is_not_there() -> None:
    elsewhere = Account(SESSION, "us-west-9")
    assert "--region us-west-9: there is no such region" in texts(found(elsewhere))


@pytest.mark.usefixtures("wide")
def test_a_region_that_is_not_enabled(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--region" not in texts(found(account))
    answers(monkeypatch, "DescribeRegions", {"Regions": [{"OptInStatus": "not-opted-in"}]})
    assert f"--region {REGION}: it is not enabled" in texts(found(account))


@pytest.mark.usefixtures("account", "wide")
def test_a_region_with_too_few_zones() -> None:
    elsewhere = Account(boto3.Session(region_name="us-west-1"), "us-west-1")
    assert "--region us-west-1: it has 2 zones" in texts(found(elsewhere))


@pytest.mark.usefixtures("wide")
def test_zones_that_eks_does_not_take(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "usable", lambda _: ["us-west-2b", "us-west-2c", "us-west-2d"])
    assert "zones" not in texts(found(account, Zones="us-west-2d,us-west-2c,us-west-2b"))
    for chosen in ("us-west-2a,us-west-2b,us-west-2c", "us-west-2b,us-west-2b,us-west-2c"):
        [fault] = [each for each in found(account, Zones=chosen) if "--zones" in each.what]
        assert f"--zones {chosen}: these are no 3 zones that Amazon EKS takes" in fault.what
        assert fault.remedy == "give 3 of us-west-2b, us-west-2c, us-west-2d"


@pytest.mark.usefixtures("wide")
def test_the_zones_of_a_deployment_stay(account: Account) -> None:
    SESSION.client("cloudformation").create_stack(
        StackName=NAME,
        TemplateBody="Parameters: {Zones: {Type: String}}\n" + STACK,
        Tags=[{"Key": TAG, "Value": NAME}],
        Parameters=[
            {"ParameterKey": "Zones", "ParameterValue": "us-west-2a,us-west-2b,us-west-2c"}
        ],
    )
    assert "zones" not in texts(found(account))
    assert "zones" not in texts(found(account, Zones="us-west-2a,us-west-2b,us-west-2c"))
    told = texts(found(account, Zones="us-west-2b,us-west-2c,us-west-2d"))
    assert "the deployment is in us-west-2a,us-west-2b,us-west-2c" in told


@pytest.mark.usefixtures("wide")
def test_a_stack_of_somebody_else_s(account: Account) -> None:
    SESSION.client("cloudformation").create_stack(StackName=NAME, TemplateBody=STACK)
    assert f"the stack {NAME} is there and is no deployment" in texts(found(account))


@pytest.mark.usefixtures("wide")
def test_a_stack_that_never_had_anything_is_none(account: Account) -> None:
    SESSION.client("cloudformation").create_change_set(
        StackName=NAME, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=STACK
    )
    SESSION.client("ecr").create_repository(repositoryName=f"{NAME}/trainer")
    told = texts(found(account))
    assert "is no deployment" not in told
    assert f"the repository {NAME}/trainer is there already" in told


def test_a_deployment_that_is_there_keeps_its_settings_and_its_names(account: Account) -> None:
    SESSION.client("cloudformation").create_stack(
        StackName=NAME,
        TemplateBody="Parameters: {KubernetesVersion: {Type: String}, AdminCidrs: {Type: String}}\n"
        + STACK,
        Tags=[{"Key": TAG, "Value": NAME}],
        Parameters=[
            {"ParameterKey": "KubernetesVersion", "ParameterValue": "1.30"},
            {"ParameterKey": "AdminCidrs", "ParameterValue": "0.0.0.0/0"},
        ],
    )
    SESSION.client("logs").create_log_group(logGroupName=f"/aws/eks/{NAME}/cluster")
    told = texts(found(account, AdminCidrs=""))
    assert "kubectl: it is 1.35, but Kubernetes 1.30" in told
    assert "THE WHOLE INTERNET" in told
    assert "is there already" not in told
    assert "quota" not in told


@pytest.mark.usefixtures("wide")
def test_names_that_something_else_has(account: Account) -> None:
    SESSION.client("ecr").create_repository(repositoryName=f"{NAME}/trainer")
    logs = SESSION.client("logs")
    logs.create_log_group(logGroupName=f"/aws/eks/{NAME}/cluster-of-another")
    SESSION.client("eks").create_cluster(
        name=NAME, roleArn="arn:aws:iam::123456789012:role/x", resourcesVpcConfig={}
    )
    told = found(account)
    assert f"the repository {NAME}/trainer is there already" in texts(told)
    assert f"the cluster {NAME} is there already" in texts(told)
    assert "log group" not in texts(told)
    assert f"destroy_eks -- --name {NAME} --region {REGION}" in told[-1].remedy
    logs.create_log_group(logGroupName=f"/aws/eks/{NAME}/cluster")
    assert f"the log group /aws/eks/{NAME}/cluster is there already" in texts(found(account))


@pytest.mark.usefixtures("wide")
def test_types_of_instances_are_looked_for(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"ServingInstanceTypes": "m7g.large"}
    assert "m7g.large: it is arm64" in texts(found(account, **given))
    assert "m7g.large" not in texts(found(account, Architecture="arm64", **given))
    refused = {"Error": {"Code": "UnauthorizedOperation", "Message": "you may not"}}
    error = ClientError(refused, "DescribeInstanceTypes")  # type: ignore[arg-type]
    answers(monkeypatch, "DescribeInstanceTypes", error)
    [note] = [each for each in found(account, **given) if "DescribeInstanceTypes" in each.what]
    assert "not checked: " in note.what
    assert not note.is_fatal


@pytest.mark.usefixtures("wide")
def test_what_may_not_be_asked_is_a_note(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = {"Error": {"Code": "AccessDenied", "Message": "you may not"}}
    answers(monkeypatch, "DescribeRegions", ClientError(refused, "DescribeRegions"))  # type: ignore[arg-type]
    [note] = [each for each in found(account) if "may not" in each.what]
    assert note.what.startswith("not checked: DescribeRegions: you may not (AccessDenied); ")
    assert not note.is_fatal


@pytest.mark.usefixtures("wide")
def test_a_certificate_that_is_not_there(account: Account) -> None:
    assert f"{ARN}: there is no such certificate" in texts(found(account, CertificateArn=ARN))


@pytest.mark.usefixtures("wide")
def test_a_file_system_that_is_not_there(account: Account) -> None:
    assert "--file-system-id fs-0: there is no such" in texts(found(account, FileSystemId="fs-0"))
    efs = SESSION.client("efs")
    kept = efs.create_file_system(CreationToken="x")["FileSystemId"]
    assert "file system" not in texts(found(account, FileSystemId=kept))


@pytest.mark.usefixtures("wide")
def test_another_file_system_would_cost_the_data(account: Account) -> None:
    kept = SESSION.client("efs").create_file_system(CreationToken="x")["FileSystemId"]
    SESSION.client("cloudformation").create_stack(
        StackName=NAME,
        TemplateBody="Parameters: {FileSystemId: {Type: String}}\n" + STACK,
        Tags=[{"Key": TAG, "Value": NAME}],
        Parameters=[{"ParameterKey": "FileSystemId", "ParameterValue": ""}],
    )
    [fault] = [each for each in found(account, FileSystemId=kept) if "lost" in each.what]
    assert "has one of its own, and its data would be lost" in fault.what
    assert fault.is_fatal
    assert "would be lost" not in texts(found(account, FileSystemId=""))


def test_quotas_that_can_be_read_and_those_that_cannot(account: Account) -> None:
    told = found(account)
    notes = [each for each in told if "cannot be read" in each.what]
    assert len(notes) == 3
    assert not any(each.is_fatal for each in notes)
    ec2 = SESSION.client("ec2")
    for number in range(4):
        ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")
    [fault] = [each for each in found(account) if "VPCs" in each.what]
    assert fault.what == "VPCs in a region: 0 of 5 are left, but 1 are needed"
    assert fault.is_fatal
    assert "L-F678F1CE" in fault.remedy


def test_a_quota_that_is_enough_to_begin_with_is_a_note(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(*_: object) -> tuple[quotas.Need, ...]:
        return (quotas.Need("VPCs", "vpc", "L-F678F1CE", 1, 9, lambda _: 2),)

    monkeypatch.setattr(quotas, "needs", some)
    [note] = quotas.check(account, [])
    assert note.what == "VPCs: 3 of 5 are left, enough to begin with, but all nodes take 9"
    assert not note.is_fatal


def test_what_a_deployment_adds_to_the_quotas() -> None:
    resources = template.resources(TEMPLATE, {"NatGateways": "3"}, NAME, REGION)
    addresses, networks, serving, spot = quotas.needs(resources)
    assert (addresses.adds, networks.adds) == (3, 1)
    assert (serving.adds, serving.at_most) == (3 * 2, 6 * 2)
    assert (spot.adds, spot.at_most) == (4, 2 * 4)


def test_vcpus_that_run_are_counted_by_how_they_are_paid(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = [
        {"InstanceType": "m5.xlarge", "CpuOptions": {"CoreCount": 2, "ThreadsPerCore": 1}},
        {"InstanceType": "m5.xlarge"},
        {"InstanceType": "m5.2xlarge", "InstanceLifecycle": "spot"},
        {"InstanceType": "g5.xlarge"},
    ]
    answers(monkeypatch, "DescribeInstances", {"Reservations": [{"Instances": running}]})
    _, _, serving, spot = quotas.needs([])
    ec2 = account.session.client("ec2")
    assert (serving.used(ec2), spot.used(ec2)) == (2 + 4, 8)


@pytest.mark.parametrize(
    ("kind", "cpus"), [("m7i.large", 2), ("m7i.xlarge", 4), ("c5.2xlarge", 8), ("a1.metal", 2)]
)
def test_vcpus_by_the_size(kind: str, cpus: int) -> None:
    assert quotas.cpus(kind) == cpus


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"AdminCidrs": "10.0.0.1/32,0.0.0.0/0"}, "THE WHOLE INTERNET"),
        ({"VpcCidr": "10.0.0.0/20"}, "the 6 subnets do not fit in"),
        ({"VpcCidr": "8.8.0.0/16"}, "other people's addresses"),
        ({"CertificateArn": ARN.replace(REGION, "eu-west-1")}, f"is not of {REGION}"),
        ({"WebAclArn": f"arn:aws:wafv2:{REGION}:1:global/webacl/a/b"}, "scope REGIONAL"),
        ({"WebAclArn": "arn:aws:wafv2:eu-west-1:1:regional/webacl/a/b"}, f"is not of {REGION}"),
        ({"ServingDesired": "7"}, "ServingMin 2, ServingDesired 7, ServingMax 6"),
        ({"ServingMin": "4"}, "are not in order"),
        ({"ServingMin": "7", "ServingDesired": "7"}, "are not in order"),
        ({"ServingDesired": "1"}, "are not in order"),
        ({"MonthlyBudget": "300"}, "--monthly-budget 300: there is nobody to tell"),
        ({"BudgetEmail": "me@example.com"}, "--budget-email me@example.com: there is no budget"),
    ],
)
def test_what_does_not_fit_together(parameters: dict[str, str], told: str) -> None:
    assert told in texts(
        looked_at(CertificateArn=parameters.pop("CertificateArn", ARN), **parameters)
    )


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"VpcCidr": "172.20.0.0/16"},
        {"VpcCidr": "10.0.0.0/19"},
        {"WebAclArn": f"arn:aws:wafv2:{REGION}:123456789012:regional/webacl/a/b"},
        {"ServingMin": "6", "ServingDesired": "6"},
        {"MonthlyBudget": "300", "BudgetEmail": "me@example.com"},
    ],
)
def test_what_fits_together(parameters: dict[str, str]) -> None:
    assert looked_at(CertificateArn=ARN, **parameters) == []


def test_a_network_whose_subnets_do_not_fit_or_that_takes_the_services_addresses() -> None:
    values = DEFAULTS | {"CertificateArn": ARN}
    subnet = {"CidrBlock": "${10.0.0.0/16 1}"}
    small = [Resource("Subnet", "AWS::EC2::Subnet", "", is_made=True, properties=subnet)]
    assert "the 1 subnets do not fit in" in texts(list(inputs.check(values, small, REGION)))
    config = {"KubernetesNetworkConfig": {"ServiceIpv4Cidr": "10.0.0.0/24"}}
    cluster = [Resource("Cluster", "AWS::EKS::Cluster", "", is_made=True, properties=config)]
    assert "services have addresses of it" in texts(list(inputs.check(values, cluster, REGION)))


def test_this_machine_s_address(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(text: str) -> None:
        request = httpx.Request("GET", preflight.ADDRESS_URL)
        reply = httpx.Response(200, text=text, request=request)
        monkeypatch.setattr(httpx, "get", lambda *_, **__: reply)

    answer("203.0.113.9\n")
    assert preflight.own_address() == "203.0.113.9/32"
    assert "address is taken, 203.0.113.9/32" in texts(found(account, AdminCidrs=""))
    answer("<html>sign in</html>")
    assert preflight.own_address() is None
    [fault] = [each for each in found(account, AdminCidrs="") if "--admin-cidrs" in each.what]
    assert fault.is_fatal


def test_this_machine_s_address_without_a_way_to_the_internet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preflight, "ADDRESS_URL", "http://127.0.0.1:9/")
    assert preflight.own_address() is None


@pytest.mark.usefixtures("wide")
def test_a_mirror_without_the_charts(account: Account, tmp_path: Path) -> None:
    def told(mirror: Path) -> list[Finding]:
        given = {"AdminCidrs": "203.0.113.7/32"}
        options = Options(Deployment(NAME, REGION), given, chart_mirror=mirror)
        found = preflight.check(account, options)
        return [each for each in found if "--chart-mirror" in each.what]

    [fault] = told(tmp_path / "none")
    assert f"--chart-mirror {tmp_path / 'none'}: there is no such folder" in fault.what
    assert fault.is_fatal
    first, *others = [f"{each.chart}-{each.version}.tgz" for each in charts.read()]
    for name in others:
        (tmp_path / name).touch()
    [fault] = told(tmp_path)
    assert f"there is no {first} in it" in fault.what
    (tmp_path / first).touch()
    assert told(tmp_path) == []


def checked(kubernetes: str = "1.35", architecture: str = "amd64") -> str:
    return texts(list(programs.check(kubernetes, architecture)))


def test_programs_that_fit() -> None:
    assert checked() == checked(architecture="arm64") == checked("1.36") == checked("1.34") == ""


@pytest.mark.parametrize("program", ["docker", "kubectl", "helm"])
def test_a_program_that_is_missing(machine: Machine, program: str) -> None:
    machine.lacks(program)
    assert checked() == f"{program}: it is not on the PATH"


@pytest.mark.parametrize("program", ["kubectl", "helm"])
def test_a_program_that_does_not_work(machine: Machine, program: str) -> None:
    machine.has(program, {})
    assert checked() == f"{program}: it does not tell its version"


@pytest.mark.parametrize("answers", [{}, {"info": "{}"}, {"info": "no JSON"}])
def test_docker_that_does_not_run(machine: Machine, answers: dict[str, str]) -> None:
    machine.has("docker", answers)
    assert "docker: the engine does not answer" in checked()


def test_docker_without_buildx(machine: Machine) -> None:
    machine.has("docker", {"info": PROGRAMS["docker"]["info"]})
    assert checked() == "docker: it has no buildx, which builds and pushes the images"


def test_docker_that_cannot_build_for_the_nodes(machine: Machine) -> None:
    machine.has("docker", PROGRAMS["docker"] | {"buildx inspect": "Platforms: linux/amd64"})
    [fault] = programs.check("1.35", "arm64")
    assert "does not build for linux/arm64" in fault.what
    assert fault.remedy.endswith("--install arm64")
    assert checked() == ""


def test_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    space = SimpleNamespace(free=2 * 10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: space)
    [note] = programs.check("1.35", "amd64")
    assert note.what.startswith("2 GB are free in /, ")
    assert not note.is_fatal


@pytest.mark.parametrize("kubernetes", ["1.33", "1.37", "2.35"])
def test_kubectl_of_another_age(kubernetes: str) -> None:
    assert f"kubectl: it is 1.35, but Kubernetes {kubernetes} is supported" in checked(kubernetes)


@pytest.mark.parametrize(
    ("version", "is_fit"), [("v3.13.9", False), ("v3.14.0", True), ("v4.0.0", True)]
)
def test_helm_of_an_age(machine: Machine, version: str, is_fit: bool) -> None:  # noqa: FBT001
    machine.has("helm", {"version": version})
    assert (checked() == "") is is_fit
