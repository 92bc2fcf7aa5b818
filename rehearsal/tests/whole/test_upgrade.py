"""A deployment of an older template, upgraded in place, and destroyed halfway.

The tests go on from one another, in their order.
"""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

from leftovers import amazon, client
from program import ROOT

if TYPE_CHECKING:
    from program import Program

    from rehearsal.stand_ins import Rehearsal

pytest_plugins = ["whole_fixtures"]

PAUSE = 0.5  # seconds
TAG = "ml-pipeline:deployment"
KEPT = (
    *("Vpc", "PublicSubnet1", "PublicSubnet2", "PublicSubnet3"),
    *("PrivateSubnet1", "PrivateSubnet2", "PrivateSubnet3"),
    *("Cluster", "FileSystem", "ImgsAccessPoint", "DataAccessPoint", "ModelAccessPoint"),
)


def test_an_older_stack_is_upgraded_in_place(eks: Program, stand_in: Rehearsal) -> None:
    make_older(eks, stand_in)
    before = physical(stand_in, eks.name)
    ended = eks.deploy_until(r"step 6/12 storage: done")
    assert ended.code < 0, ended.stderr
    assert "stack" in ended.done(), ended.stderr
    after = physical(stand_in, eks.name)
    assert {each: after[each] for each in KEPT} == {each: before[each] for each in KEPT}
    assert after.keys() > before.keys()


def test_destroyed_halfway_it_leaves_nothing(eks: Program, stand_in: Rehearsal) -> None:
    ended = eks.destroy()
    assert ended.code == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "0 left"
    assert amazon(stand_in) == set()


def make_older(eks: Program, stand_in: Rehearsal) -> None:
    """The stack as an earlier version of the program made it."""
    program = ROOT / "deploy/tests/eks/older_stack.py"
    older = subprocess.run([sys.executable, program], capture_output=True, text=True, check=True)
    network = next(each for each in stand_in.arguments if each.startswith("--vpc-cidr="))
    parameters = {
        "AdminArn": "arn:aws:iam::123456789012:role/deployer",
        "AdminCidrs": "127.0.0.1/32",
        "VpcCidr": network.partition("=")[2],
    }
    cloudformation = client(stand_in, "cloudformation")
    made = cloudformation.create_change_set(
        StackName=eks.name,
        ChangeSetName="first",
        ChangeSetType="CREATE",
        TemplateBody=older.stdout,
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        Tags=[{"Key": TAG, "Value": eks.name}],
    )
    cloudformation.execute_change_set(ChangeSetName=made["Id"])
    until = time.monotonic() + 120
    while (state := status(stand_in, eks.name)) != "CREATE_COMPLETE":
        assert time.monotonic() < until, state
        time.sleep(PAUSE)


def status(stand_in: Rehearsal, name: str) -> str:
    told = client(stand_in, "cloudformation").describe_stacks(StackName=name)
    return str(told["Stacks"][0]["StackStatus"])


def physical(stand_in: Rehearsal, stack: str) -> dict[str, str]:
    told = client(stand_in, "cloudformation").describe_stack_resources(StackName=stack)
    return {e["LogicalResourceId"]: e["PhysicalResourceId"] for e in told["StackResources"]}
