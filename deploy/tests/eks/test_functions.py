from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.eks import template
from deploy.errors import UsageError

TEXT = """
Parameters:
  Blocks: {Type: CommaDelimitedList, Default: "10.0.0.0/16, 10.1.0.0/16"}
  Many: {Type: String, Default: "false"}
  Name: {Type: String}
Mappings:
  Sizes: {small: {Type: m7i.large}}
Conditions:
  IsMany: !Equals [!Ref Many, "true"]
  IsFew: !Not [!Condition IsMany]
  IsBoth: !And [!Condition IsMany, !Condition IsFew]
  IsEither: !Or [!Condition IsMany, !Condition IsFew]
Resources:
  Vpc: {Type: "AWS::EC2::VPC", Properties: {CidrBlock: !Select [0, !Ref Blocks]}}
  Cluster: {Type: "AWS::EKS::Cluster", Properties: {Name: !Sub "${AWS::StackName}-cluster"}}
  Few: {Type: T, Condition: IsFew}
  Many: {Type: T, Condition: IsMany}
  Both: {Type: T, Condition: IsBoth}
  Either: {Type: T, Condition: IsEither}
Outputs:
  Vpc: {Value: !Ref Vpc}
  Cluster: {Value: !Sub "${Cluster} in ${AWS::Region}"}
  Many: {Condition: IsMany, Value: yes}
"""
READ = template.read(TEXT)


def worked_out(expression: str, **parameters: str) -> Any:  # noqa: ANN401 - as YAML has it
    text = f"{TEXT}\nX: !If [IsMany, 1, 2]".replace(
        "Resources:", f"Resources:\n  Probe: {{Type: T, Properties: {{Value: {expression}}}}}"
    )
    made = template.resources(template.read(text), parameters, "mine", "us-west-2")
    return made[0].properties.get("Value", "nothing")


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref Blocks", ["10.0.0.0/16", "10.1.0.0/16"]),
        ("!Ref Vpc", "${Vpc}"),
        ("!Ref Cluster", "mine-cluster"),
        ("!GetAtt Vpc.Arn", "${Vpc.Arn}"),
        ("!GetAtt Outer.Outputs.Inner", "${Outer.Outputs.Inner}"),
        ("!Ref AWS::Region", "us-west-2"),
        ("!Ref AWS::NoValue", "nothing"),
        ("[1, !Ref AWS::NoValue]", [1]),
        ("!If [IsMany, 1, 2]", 2),
        ('!Sub "arn:${AWS::Partition}:${AWS::AccountId}"', "arn:aws:${AWS::AccountId}"),
        ("!Sub '${!Literal}'", "${Literal}"),
        ('!Sub ["${A}-${Vpc.Id}", {A: !Select [1, !Ref Blocks]}]', "10.1.0.0/16-${Vpc.Id}"),
        ('!Join [";", !Ref Blocks]', "10.0.0.0/16;10.1.0.0/16"),
        ('!Split ["/", "10.0.0.0/16"]', ["10.0.0.0", "16"]),
        ("!FindInMap [Sizes, small, Type]", "m7i.large"),
        ("!Cidr [10.0.0.0/16, 2, 12]", ["10.0.0.0/20", "10.0.16.0/20"]),
        ("!Cidr [10.0.0.0/28, 2, 12]", ["${10.0.0.0/28 1}", "${10.0.0.0/28 2}"]),
        ("!Select [2, !Cidr [10.0.0.0/20, 3, 11]]", "${10.0.0.0/20 3}"),
        ("!Select [0, !GetAtt Vpc.CidrBlocks]", "${Fn::Select}"),
        ("!Transform {Name: AWS::Include}", "${Fn::Transform}"),
        ("{Fn::Join: ['', [a, !Ref Name]]}", "a${Name}"),
    ],
)
def test_functions_are_worked_out_as_far_as_can_be(expression: str, value: object) -> None:
    assert worked_out(expression) == value


def test_parameters_go_before_defaults() -> None:
    assert worked_out("!Ref Blocks", Blocks="10.9.0.0/16") == ["10.9.0.0/16"]
    assert worked_out("!Ref Name", Name="x") == "x"
    assert template.defaults(READ) == {"Blocks": "10.0.0.0/16, 10.1.0.0/16", "Many": "false"}


@pytest.mark.parametrize(
    ("many", "made"), [("false", {"Few", "Either"}), ("true", {"Many", "Either"})]
)
def test_a_condition_says_what_is_made(many: str, made: set[str]) -> None:
    found = template.resources(READ, {"Many": many}, "mine", "us-west-2")
    assert {each.name for each in found if each.condition and each.is_made} == made


def test_outputs_that_are_there_are_told() -> None:
    told = template.outputs(READ, {}, "mine", "eu-west-1")
    assert told == {"Vpc": "${Vpc}", "Cluster": "mine-cluster in eu-west-1"}
    assert template.outputs(READ, {"Many": "true"}, "mine", "eu-west-1")["Many"] == "True"


@pytest.mark.parametrize(
    ("region", "part"),
    [("us-west-2", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_arns_begin_with_the_region_s_partition(region: str, part: str) -> None:
    assert template.partition(region) == part


@pytest.mark.parametrize("text", ["- a list", "a: [", "Parameters: {}", "!!python/object:os.x {}"])
def test_what_is_no_template_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match="the template") as raised:
        template.read(text)
    assert "\n" not in str(raised.value)


@given(st.recursive(st.text() | st.integers() | st.booleans(), st.lists, max_leaves=5))
def test_values_without_functions_stay_as_they_are(value: Any) -> None:  # noqa: ANN401
    text = {"Resources": {"A": {"Type": "T", "Properties": {"Value": value}}}}
    [made] = template.resources(text, {}, "mine", "us-west-2")
    assert made.properties == {"Value": value}
