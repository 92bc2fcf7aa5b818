from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rehearsal.amazon.faulty import InvalidError
from rehearsal.amazon.schemas import find_schema, replaces
from rehearsal.amazon.targets import aim
from rehearsal.amazon.templates import read

if TYPE_CHECKING:
    from rehearsal.amazon.targets import Target

PSEUDO = {"AWS::Region": "us-west-2", "AWS::AccountId": "123456789012", "AWS::StackName": "one"}
ONE = """
Parameters:
  Names: {{Type: CommaDelimitedList, Default: "a, b"}}
  Empty: {{Type: String, Default: ""}}
Mappings: {{Sizes: {{small: {{Disk: 20}}}}}}
Conditions: {{IsEmpty: !Equals [!Ref Empty, ""], IsFull: !Not [!Condition IsEmpty]}}
Resources:
  Vpc: {{Type: AWS::EC2::VPC, Properties: {{CidrBlock: 10.0.0.0/16}}}}
  It: {{Type: AWS::Logs::LogGroup, Properties: {{LogGroupName: {value}}}}}
"""


def worked_out(value: str) -> object:
    target = target_of(value)
    scope = target.scope(lambda name: f"{name}-id", lambda name, part: f"{name}.{part}")
    return target.properties("It", scope).get("LogGroupName")


def target_of(value: str) -> Target:
    return aim(ONE.format(value=value), {}, {}, PSEUDO)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("!Ref Vpc", "Vpc-id"),
        ("!Ref Names", ["a", "b"]),
        ("!GetAtt Vpc.CidrBlock", "Vpc.CidrBlock"),
        ('!Sub "${Vpc}/${Vpc.CidrBlock}/${AWS::Region}"', "Vpc-id/Vpc.CidrBlock/us-west-2"),
        ('!Sub "${!Literal}"', "${Literal}"),
        ('!Sub ["${A}-${Vpc}", {A: !Ref AWS::StackName}]', "one-Vpc-id"),
        ('!Sub "user:tag$${AWS::StackName}"', "user:tag$one"),
        ('!Join [",", !Ref Names]', "a,b"),
        ('!Select [1, !Split ["/", "a/b"]]', "b"),
        ("!FindInMap [Sizes, small, Disk]", 20),
        ("!If [IsEmpty, full, !Ref AWS::NoValue]", "full"),
        ("!If [IsFull, full, !Ref AWS::NoValue]", None),
        ("[a, !If [IsFull, b, !Ref AWS::NoValue]]", ["a"]),
        ('!GetAZs ""', ["us-west-2a", "us-west-2b", "us-west-2c"]),
        ("!Cidr [10.0.0.0/16, 2, 8]", ["10.0.0.0/24", "10.0.1.0/24"]),
        ("2012-10-17", "2012-10-17"),
    ],
)  # fmt: skip
def test_functions_are_worked_out(value: str, told: object) -> None:
    assert worked_out(value) == told


def test_what_a_resource_gives_is_left_open_for_comparing() -> None:
    target = target_of("!Select [1, !Cidr [!GetAtt Vpc.CidrBlock, 2, 8]]")
    told = target.properties("It", target.scope())["LogGroupName"]
    assert told == "Cidr(Vpc.CidrBlock)[1]"


@pytest.mark.parametrize("value", ["!Ref Vpc", "!GetAtt Vpc.CidrBlock", '!Sub "${Vpc.CidrBlock}"'])
def test_a_resource_needs_what_it_refers_to(value: str) -> None:
    assert target_of(value).dependencies("It") == ("Vpc",)


@pytest.mark.parametrize("body", ["[1, 2", "Resources: {}", "[]", "text"])
def test_what_is_no_template_is_refused(body: str) -> None:
    with pytest.raises(InvalidError, match="Template format error"):
        read(body)


def test_tags_come_in_the_form_of_each_type() -> None:
    tags, system = {"a": "b"}, {"aws:x": "y"}
    pairs = [{"Key": "a", "Value": "b"}, {"Key": "aws:x", "Value": "y"}]
    assert find_schema("AWS::EC2::VPC").tagged({}, tags, system) == {"Tags": pairs}
    assert find_schema("AWS::EFS::FileSystem").tagged({}, tags, system) == {"FileSystemTags": pairs}
    told = find_schema("AWS::EKS::Nodegroup").tagged({"Tags": {"c": "d"}}, tags, {})
    assert told == {"Tags": {"a": "b", "c": "d"}}
    assert find_schema("AWS::IAM::Role").tagged({}, tags, system) == {"Tags": pairs[:1]}
    assert find_schema("AWS::EC2::Route").tagged({}, tags, system) == {}


def test_a_property_that_is_fixed_asks_for_another_resource() -> None:
    cluster = find_schema("AWS::EKS::Cluster")
    before: dict[str, Any] = {"Name": "a", "Version": "1.34"}
    assert not replaces(cluster, before, before | {"Version": "1.35"})
    assert replaces(cluster, before, before | {"Name": "b"})
