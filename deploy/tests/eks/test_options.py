from __future__ import annotations

import argparse

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from deploy.eks import options, stacks, syntax, template
from deploy.errors import UsageError


def parse(*arguments: str) -> dict[str, str]:
    parser = argparse.ArgumentParser(exit_on_error=False)
    options.add_settings(parser)
    return options.given(parser.parse_args(arguments))


def test_what_is_not_given_is_not_set() -> None:
    assert parse() == {}


def test_options_are_the_stack_s_parameters() -> None:
    given = parse(
        "--nat-gateways=3",
        "--interface-endpoints",
        "--no-container-logs",
        "--admin-cidrs=192.0.2.7/32, 198.51.100.0/24",
        "--certificate-arn=",
        "--monthly-budget=0500",
    )
    assert given == {
        "NatGateways": "3",
        "InterfaceEndpoints": "true",
        "ContainerLogs": "false",
        "AdminCidrs": "192.0.2.7/32,198.51.100.0/24",
        "CertificateArn": "",
        "MonthlyBudget": "500",
    }


def test_every_parameter_of_the_template_has_its_option_and_no_other() -> None:
    parameters = set(template.read(stacks.template())["Parameters"])
    assert {each.parameter for each in options.SETTINGS} == parameters


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--vpc-cidr", "10.0.0.1/16"),
        ("--vpc-cidr", "10.0.0.0/21"),
        ("--vpc-cidr", "10.0.0.0/8"),
        ("--vpc-cidr", "fd00::/16"),
        ("--zones", "us-west-2a,us-west-2b"),
        ("--admin-cidrs", "10.0.0.0/16,"),
        ("--client-cidrs", "everybody"),
        ("--nat-gateways", "2"),
        ("--kubernetes-version", "1.x"),
        ("--kubernetes-version", ""),
        ("--architecture", "sparc"),
        ("--serving-min", "0"),
        ("--serving-max", "-1"),
        ("--log-days", "31"),
        ("--serving-instance-types", "large"),
        ("--certificate-arn", "arn:aws:iam::111122223333:role/x"),
        ("--admin-arn", ""),
        ("--admin-arn", "arn:aws:sts::111122223333:assumed-role/x/y"),
        ("--file-system-id", "fs-x"),
        ("--budget-email", "somebody"),
    ],
)
def test_what_is_written_wrongly_is_told(option: str, value: str) -> None:
    with pytest.raises(argparse.ArgumentError) as caught:
        parse(f"{option}={value}")
    assert caught.value.argument_name == option


@pytest.mark.parametrize("name", ["ml-pipeline", "ab", "a1-b2", "a" * 40])
def test_names(name: str) -> None:
    assert syntax.name(name) == name


@pytest.mark.parametrize("name", ["", "a", "A-b", "1a", "a--b", "a-", "-a", "a_b", "a" * 41, "ä1"])
def test_no_names(name: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="is no name"):
        syntax.name(name)


@pytest.mark.parametrize("name", ["us-west-2", "ap-southeast-7", "us-gov-west-1", "mx-central-1"])
def test_regions(name: str) -> None:
    assert syntax.region(name) == name


@pytest.mark.parametrize("name", ["", "us-west", "us-west-2a", "US-WEST-2", "us-west-0", "oregon"])
def test_no_regions(name: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="write one like us-west-2"):
        syntax.region(name)


@for_all(st.text())
def test_no_text_is_a_fault_of_the_program(text: str) -> None:
    for each in options.SETTINGS:
        if each.parse:
            try:
                assert "\n" not in each.parse(text)
            except argparse.ArgumentTypeError:
                continue


def test_the_region_is_the_option_s_else_the_environment_s(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(UsageError, match="no region; give --region us-west-2"):
        options.find_region(None)
    assert options.find_region(None, "us-west-2") == "us-west-2"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert options.find_region(None) == "eu-west-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    assert options.find_region(None, "us-west-2") == "eu-west-2"
    assert options.find_region("eu-west-3") == "eu-west-3"
    monkeypatch.setenv("AWS_REGION", "Ireland")
    with pytest.raises(UsageError, match="AWS_REGION: 'Ireland' is no region"):
        options.find_region(None)
