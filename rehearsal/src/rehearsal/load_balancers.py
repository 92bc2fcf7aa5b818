"""Load balancers as the AWS Load Balancer Controller makes them, by the calls that it makes.

Names and tags are as in its pkg/ingress and pkg/deploy/tracking.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.security_groups import CLUSTER_TAG
from rehearsal.wanted import NO_WEB_ACL, WantedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from types_boto3_ec2.type_defs import FilterTypeDef
    from types_boto3_elbv2 import ElasticLoadBalancingv2Client
    from types_boto3_elbv2.type_defs import (
        ActionTypeDef,
        LoadBalancerTypeDef,
        TagTypeDef,
        TargetDescriptionTypeDef,
    )
    from types_boto3_wafv2 import WAFV2Client

    from rehearsal.pages import Page, Stack
    from rehearsal.security_groups import Groups
    from rehearsal.wanted import Listener, Wanted

ZONES = 2  # that an Application Load Balancer needs at least
STACK_TAG = "ingress.k8s.aws/stack"
RESOURCE_TAG = "ingress.k8s.aws/resource"
_ROLES = {
    "internet-facing": "kubernetes.io/role/elb",
    "internal": "kubernetes.io/role/internal-elb",
}
_NOT_FOUND: ActionTypeDef = {
    "Type": "fixed-response",
    "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain"},
}


@dataclass(frozen=True, slots=True)
class LoadBalancers:
    """Those of one cluster."""

    elb: ElasticLoadBalancingv2Client
    waf: WAFV2Client
    groups: Groups

    def ensure(self, page: Page, wanted: Wanted) -> tuple[str, str]:
        """Makes a load balancer, or makes it what is wanted.

        Returns:
            Its host name, and the ARN of the group of its targets.

        Raises:
            WantedError: it cannot be as it is wanted.
            ClientError: Amazon refuses.
        """
        subnets = self._subnets(wanted)
        front = self.groups.ensure_front(
            self._group_name(page.stack),
            self._tags(page, wanted, "ManagedLBSecurityGroup"),
            [each.port for each in wanted.listeners],
            wanted.cidrs,
        )
        back = self.groups.ensure_back()
        self.groups.open_nodes(back, page.target_port)
        targets = self._ensure_target_group(page, wanted)
        found = self._find(page.stack) or self._create(page, wanted, subnets, [front, back])
        arn = found["LoadBalancerArn"]
        if wanted.attributes:
            self.elb.modify_load_balancer_attributes(
                LoadBalancerArn=arn,
                Attributes=[{"Key": key, "Value": each} for key, each in wanted.attributes.items()],
            )
        self._ensure_listeners(page, wanted, arn, targets)
        self._associate(arn, wanted.web_acl)
        return found["DNSName"], targets

    def remove(self, stack: Stack) -> None:
        """Takes away all that belongs to an Ingress.

        Raises:
            ClientError: Amazon refuses.
        """
        found = self._find(stack)
        if found is not None:
            self.elb.delete_load_balancer(LoadBalancerArn=found["LoadBalancerArn"])
        for arn in self._target_groups(stack):
            self.elb.delete_target_group(TargetGroupArn=arn)
        self.groups.delete(self._group_name(stack))

    def register(self, group: str, addresses: frozenset[str], port: int) -> None:
        """Has these pods, and no others, be the targets of a group."""
        health = self.elb.describe_target_health(TargetGroupArn=group)
        known = {each["Target"]["Id"] for each in health["TargetHealthDescriptions"]}
        added, gone = sorted(addresses - known), sorted(known - addresses)
        if added:
            self.elb.register_targets(TargetGroupArn=group, Targets=_targets(added, port))
        if gone:
            self.elb.deregister_targets(TargetGroupArn=group, Targets=_targets(gone, port))

    def _subnets(self, wanted: Wanted) -> list[str]:
        """Those that are named, or those of the VPC whose tags say that they are for this."""
        vpc: FilterTypeDef = {"Name": "vpc-id", "Values": [self.groups.vpc]}
        if wanted.subnets:
            everything = self.groups.client.describe_subnets(Filters=[vpc])["Subnets"]
            subnets = [
                each
                for each in everything
                if {each["SubnetId"], *(tag["Value"] for tag in each.get("Tags", []))}
                & set(wanted.subnets)
            ]
        else:
            role: FilterTypeDef = {"Name": f"tag:{_ROLES[wanted.scheme]}", "Values": ["", "1"]}
            subnets = self.groups.client.describe_subnets(Filters=[role, vpc])["Subnets"]
        by_zone = {each["AvailabilityZone"]: each["SubnetId"] for each in subnets}
        if len(subnets) < len(wanted.subnets) or len(by_zone) < ZONES:
            raise WantedError(
                f"couldn't auto-discover subnets: {len(by_zone)} of at least {ZONES} zones have one"
            )
        return sorted(by_zone.values())

    def _ensure_target_group(self, page: Page, wanted: Wanted) -> str:
        arn = next(iter(self._target_groups(page.stack)), "")
        if arn:
            self.elb.modify_target_group(TargetGroupArn=arn, **wanted.health)
        else:
            arn = self._create_target_group(page, wanted)
        attributes = wanted.target_attributes
        if attributes:
            self.elb.modify_target_group_attributes(
                TargetGroupArn=arn,
                Attributes=[{"Key": key, "Value": each} for key, each in attributes.items()],
            )
        return arn

    def _create_target_group(self, page: Page, wanted: Wanted) -> str:
        stack = page.stack
        made = self.elb.create_target_group(
            Name=_short(stack.namespace, page.service, self.groups.cluster, stack.name, page.port),
            Protocol="HTTP",
            ProtocolVersion="HTTP1",
            Port=page.target_port,
            VpcId=self.groups.vpc,
            TargetType="ip",
            HealthCheckEnabled=True,
            Tags=_tag_list(self._tags(page, wanted, f"{stack.name}-{page.service}:{page.port}")),
            **wanted.health,
        )
        return made["TargetGroups"][0]["TargetGroupArn"]

    def _create(
        self, page: Page, wanted: Wanted, subnets: list[str], groups: list[str]
    ) -> LoadBalancerTypeDef:
        stack, scheme = page.stack, wanted.scheme
        made = self.elb.create_load_balancer(
            Name=wanted.name
            or _short(stack.namespace, stack.ingress, self.groups.cluster, stack.name, scheme),
            Type="application",
            Scheme="internal" if scheme == "internal" else "internet-facing",
            Subnets=subnets,
            SecurityGroups=groups,
            Tags=_tag_list(self._tags(page, wanted, "LoadBalancer")),
        )
        return made["LoadBalancers"][0]

    def _ensure_listeners(self, page: Page, wanted: Wanted, arn: str, targets: str) -> None:
        """New ones when they are not as they are wanted, and then all."""
        found = self.elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]
        if {_shape(each) for each in found} == {
            _wanted_shape(each, wanted) for each in wanted.listeners
        }:
            return
        for old in found:
            self.elb.delete_listener(ListenerArn=old["ListenerArn"])
        for listener in wanted.listeners:
            self._create_listener(page, wanted, listener, arn, targets)

    def _create_listener(
        self, page: Page, wanted: Wanted, listener: Listener, arn: str, targets: str
    ) -> None:
        encrypted = listener.protocol == "HTTPS"
        redirect = bool(wanted.redirect) and not encrypted
        more: dict[str, Any] = {}
        if encrypted:
            certificates = [{"CertificateArn": each} for each in wanted.certificates]
            more = {"Certificates": certificates, "SslPolicy": wanted.policy}
        made = self.elb.create_listener(
            LoadBalancerArn=arn,
            Port=listener.port,
            Protocol="HTTPS" if encrypted else "HTTP",
            DefaultActions=[_redirect(wanted.redirect) if redirect else _NOT_FOUND],
            Tags=_tag_list(self._tags(page, wanted, str(listener.port))),
            **more,
        )
        if not redirect:
            self.elb.create_rule(
                ListenerArn=made["Listeners"][0]["ListenerArn"],
                Priority=1,
                Conditions=[{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}],
                Actions=[{"Type": "forward", "TargetGroupArn": targets}],
                Tags=_tag_list(self._tags(page, wanted, f"{listener.port}:1")),
            )

    def _associate(self, arn: str, web_acl: str) -> None:
        if not web_acl:
            return
        answer: dict[str, Any] = dict(self.waf.get_web_acl_for_resource(ResourceArn=arn))
        now = (answer.get("WebACL") or {}).get("ARN", NO_WEB_ACL)
        if now == web_acl:
            return
        if web_acl == NO_WEB_ACL:
            self.waf.disassociate_web_acl(ResourceArn=arn)
        else:
            self.waf.associate_web_acl(WebACLArn=web_acl, ResourceArn=arn)

    def _find(self, stack: Stack) -> LoadBalancerTypeDef | None:
        found = self.elb.describe_load_balancers()["LoadBalancers"]
        return next((each for each in found if self._is_of(each["LoadBalancerArn"], stack)), None)

    def _target_groups(self, stack: Stack) -> list[str]:
        found = self.elb.describe_target_groups()["TargetGroups"]
        arns = (each["TargetGroupArn"] for each in found)
        return [each for each in arns if self._is_of(each, stack)]

    def _is_of(self, arn: str, stack: Stack) -> bool:
        (described,) = self.elb.describe_tags(ResourceArns=[arn])["TagDescriptions"]
        tags = {each["Key"]: each.get("Value") for each in described.get("Tags", [])}
        return (tags.get(CLUSTER_TAG), tags.get(STACK_TAG)) == (self.groups.cluster, stack.name)

    def _tags(self, page: Page, wanted: Wanted, resource: str) -> dict[str, str]:
        own = {CLUSTER_TAG: self.groups.cluster, STACK_TAG: page.stack.name, RESOURCE_TAG: resource}
        return {**wanted.tags, **self.groups.default_tags, **own}

    def _group_name(self, stack: Stack) -> str:
        return _short(stack.namespace, stack.ingress, self.groups.cluster, stack.name)


def _short(namespace: str, name: str, *unique: str) -> str:
    digest = hashlib.sha256("".join(unique).encode()).hexdigest()
    plain = [re.sub(r"[\W_]", "", each) for each in (namespace, name)]
    return f"k8s-{plain[0]:.8}-{plain[1]:.8}-{digest:.10}"


def _tag_list(values: Mapping[str, str]) -> list[TagTypeDef]:
    return [{"Key": key, "Value": value} for key, value in sorted(values.items())]


def _targets(addresses: list[str], port: int) -> list[TargetDescriptionTypeDef]:
    return [{"Id": each, "Port": port} for each in addresses]


def _redirect(port: int) -> ActionTypeDef:
    return {
        "Type": "redirect",
        "RedirectConfig": {"Protocol": "HTTPS", "Port": str(port), "StatusCode": "HTTP_301"},
    }


def _shape(found: Mapping[str, Any]) -> tuple[object, ...]:
    """What a listener comes to: its port and protocol, what it does at first, its encryption."""
    action = found["DefaultActions"][0]["Type"]
    if found["Protocol"] == "HTTP":  # which may have a policy all the same
        return (found["Port"], "HTTP", action, (), "")
    certificates = tuple(each["CertificateArn"] for each in found.get("Certificates", []))
    return (found["Port"], "HTTPS", action, certificates, found.get("SslPolicy"))


def _wanted_shape(listener: Listener, wanted: Wanted) -> tuple[object, ...]:
    if listener.protocol == "HTTPS":
        action = _NOT_FOUND["Type"]
        return (listener.port, "HTTPS", action, wanted.certificates, wanted.policy)
    action = "redirect" if wanted.redirect else _NOT_FOUND["Type"]
    return (listener.port, "HTTP", action, (), "")
