"""The table of the kinds of resources that a deployment can leave in an account.

What only CloudFormation or EKS makes is here as well: a sweep looks for what they should have
deleted. The operations are those of boto3's references; an ARN's form is from the service
authorization reference of each service.
"""

from __future__ import annotations

from botocore import xform_name

from deploy.eks.kinds import Call, Kind

# What EKS and CloudWatch's agent name the log groups that they make.
CLUSTER_LOGS = ("/aws/eks/{name}/", "/aws/containerinsights/{name}/")


def _of_ec2(  # noqa: PLR0913 - what differs from kind to kind
    noun: str,
    *,
    name: str = "",
    resource: str = "",
    alive: str = "",
    key: str = "",
    remove: str = "",
    many: bool = False,
    filters: str = "Filters",
    tags: str = "Tags",
) -> Kind:
    snake, key = xform_name(noun), key or f"{noun}Id"
    plural = "es" if noun.endswith("s") else "s"
    operation, found = f"describe_{snake}{plural}", alive or f"{noun}{plural}[]"
    pick = f"{found}.{{id: {key}, tags: {tags}}}"
    owned = {filters: [{"Name": "tag-key", "Values": "{keys}"}]}
    return Kind(
        name or snake.replace("_", " "),
        "ec2",
        rf"ec2:{resource or snake.replace('_', '-')}/(.+)",
        one=Call(operation, {f"{key}s": ["{id}"]}, pick),
        every=(Call(operation, owned, pick),),
        remove=Call(remove or f"delete_{snake}", {f"{key}s": ["{id}"]} if many else {key: "{id}"}),
    )


def _of_load_balancing(name: str, resource: str, plural: str, noun: str) -> Kind:
    found = "".join(each.title() for each in plural.split("_"))
    pick = f"{found}[].{{id: {noun}Arn}}"
    return Kind(
        name,
        "elbv2",
        rf"elasticloadbalancing:{resource}/.+",
        one=Call(f"describe_{plural}", {f"{noun}Arns": ["{id}"]}, pick),
        every=(Call(f"describe_{plural}", {}, pick),),
        tags=Call(
            "describe_tags", {"ResourceArns": ["{id}"]}, "[{tags: TagDescriptions[].Tags[]}]"
        ),
        remove=Call(f"delete_{plural.removesuffix('s')}", {f"{noun}Arn": "{id}"}),
    )


STACK = Kind(
    "stack",
    "cloudformation",
    r"cloudformation:stack/([^/]+)/.+",
    one=Call("describe_stacks", {"StackName": "{id}"}, "Stacks[].{id: StackName, tags: Tags}"),
    every=(Call("describe_stacks", {}, "Stacks[].{id: StackName, tags: Tags}"),),
    remove=Call("delete_stack", {"StackName": "{id}"}),
)
CLUSTER = Kind(
    "cluster, or a part of one",
    "eks",
    r"eks:(?:cluster|nodegroup|addon|access-entry|podidentityassociation)/([^/]+)(?:/.+)?",
    one=Call("describe_cluster", {"name": "{id}"}, "[cluster.{id: name, tags: tags}]"),
    every=(Call("list_clusters", {}, "clusters[].{id: @}"),),
    tags=Call("describe_cluster", {"name": "{id}"}, "[{tags: cluster.tags}]"),
    names=("{name}",),
    remove=Call("delete_cluster", {"name": "{id}"}),
)
GROUP = Kind(
    "auto scaling group",
    "autoscaling",
    r"autoscaling:autoScalingGroup:.+/(.+)",
    one=Call(
        "describe_auto_scaling_groups",
        {"AutoScalingGroupNames": ["{id}"]},
        "AutoScalingGroups[].{id: AutoScalingGroupName, tags: Tags}",
    ),
    every=(
        Call(
            "describe_auto_scaling_groups",
            {"Filters": [{"Name": "tag-key", "Values": "{keys}"}]},
            "AutoScalingGroups[].{id: AutoScalingGroupName, tags: Tags}",
        ),
    ),
    remove=Call("delete_auto_scaling_group", {"AutoScalingGroupName": "{id}", "ForceDelete": True}),
)
INSTANCE = _of_ec2(
    "Instance",
    alive="Reservations[].Instances[] | [?State.Name != 'terminated']",
    remove="terminate_instances",
    many=True,
)
VOLUME = _of_ec2("Volume")
INTERFACE = _of_ec2("NetworkInterface", tags="TagSet")
NAT_GATEWAY = _of_ec2(
    "NatGateway",
    name="NAT gateway",
    resource="natgateway",
    filters="Filter",
    alive="NatGateways[?State != 'deleted' && State != 'failed']",
)
ADDRESS = _of_ec2(
    "Address",
    name="Elastic IP address",
    resource="elastic-ip",
    key="AllocationId",
    remove="release_address",
)
SECURITY_GROUP = _of_ec2("SecurityGroup", key="GroupId")
LAUNCH_TEMPLATE = _of_ec2("LaunchTemplate")
ENDPOINT = _of_ec2(
    "VpcEndpoint",
    name="VPC endpoint",
    alive="VpcEndpoints[?State != 'deleted']",
    remove="delete_vpc_endpoints",
    many=True,
)
SUBNET = _of_ec2("Subnet")
ROUTE_TABLE = _of_ec2("RouteTable")
INTERNET_GATEWAY = _of_ec2("InternetGateway")
NETWORK_ACL = _of_ec2("NetworkAcl", name="network ACL", alive="NetworkAcls[?!IsDefault]")
NETWORK = _of_ec2("Vpc", name="VPC")
SNAPSHOT = Kind(
    "snapshot",
    "ec2",
    r"ec2:snapshot/(.+)",
    one=Call("describe_snapshots", {"SnapshotIds": ["{id}"]}, "Snapshots[].{id: SnapshotId}"),
    remove=Call("delete_snapshot", {"SnapshotId": "{id}"}),
)
FLOW_LOG = Kind(
    "flow log",
    "ec2",
    r"ec2:vpc-flow-log/(.+)",
    one=Call("describe_flow_logs", {"FlowLogIds": ["{id}"]}, "FlowLogs[].{id: FlowLogId}"),
    remove=Call("delete_flow_logs", {"FlowLogIds": ["{id}"]}),
)
LOAD_BALANCER = _of_load_balancing(
    "load balancer", "loadbalancer", "load_balancers", "LoadBalancer"
)
TARGET_GROUP = _of_load_balancing("target group", "targetgroup", "target_groups", "TargetGroup")
LISTENER = Kind(
    "listener",
    "elbv2",
    r"elasticloadbalancing:listener/.+",
    one=Call("describe_listeners", {"ListenerArns": ["{id}"]}, "Listeners[].{id: ListenerArn}"),
    remove=Call("delete_listener", {"ListenerArn": "{id}"}),
)
RULE = Kind(
    "listener rule",
    "elbv2",
    r"elasticloadbalancing:listener-rule/.+",
    one=Call("describe_rules", {"RuleArns": ["{id}"]}, "Rules[].{id: RuleArn}"),
    remove=Call("delete_rule", {"RuleArn": "{id}"}),
)
FILE_SYSTEM = Kind(
    "file system",
    "efs",
    r"elasticfilesystem:file-system/(.+)",
    one=Call(
        "describe_file_systems",
        {"FileSystemId": "{id}"},
        "FileSystems[?LifeCycleState != 'deleted'].{id: FileSystemId, tags: Tags}",
    ),
    every=(Call("describe_file_systems", {}, "FileSystems[].{id: FileSystemId, tags: Tags}"),),
    remove=Call("delete_file_system", {"FileSystemId": "{id}"}),
)
ACCESS_POINT = Kind(
    "access point",
    "efs",
    r"elasticfilesystem:access-point/(.+)",
    one=Call(
        "describe_access_points",
        {"AccessPointId": "{id}"},
        "AccessPoints[?LifeCycleState != 'deleted'].{id: AccessPointId, tags: Tags}",
    ),
    every=(Call("describe_access_points", {}, "AccessPoints[].{id: AccessPointId, tags: Tags}"),),
    remove=Call("delete_access_point", {"AccessPointId": "{id}"}),
)
REPOSITORY = Kind(
    "image repository",
    "ecr",
    r"ecr:repository/(.+)",
    one=Call(
        "describe_repositories",
        {"repositoryNames": ["{id}"]},
        "repositories[].{id: repositoryName}",
    ),
    every=(
        Call(
            "describe_repositories",
            {},
            "repositories[?starts_with(repositoryName, '{name}')].{id: repositoryName}",
        ),
    ),
    tags=Call(
        "list_tags_for_resource",
        {"resourceArn": "arn:{partition}:ecr:{region}:{account}:repository/{id}"},
        "[{tags: tags}]",
    ),
    remove=Call("delete_repository", {"repositoryName": "{id}", "force": True}),
)
LOG_GROUP = Kind(
    "log group",
    "logs",
    r"logs:log-group:([^:]+)(?::\*)?",
    one=Call(
        "describe_log_groups",
        {"logGroupNamePrefix": "{id}"},
        "logGroups[?logGroupName == '{id}'].{id: logGroupName}",
    ),
    every=tuple(
        Call("describe_log_groups", {"logGroupNamePrefix": each}, "logGroups[].{id: logGroupName}")
        for each in CLUSTER_LOGS
    ),
    names=tuple(f"{each}*" for each in CLUSTER_LOGS),
    remove=Call("delete_log_group", {"logGroupName": "{id}"}),
)
ROLE = Kind(
    "role",
    "iam",
    r"iam:role/(?:.+/)?([^/]+)",
    one=Call("get_role", {"RoleName": "{id}"}, "[Role.{id: RoleName}]"),
    every=(Call("list_roles", {}, "Roles[?starts_with(RoleName, '{name}-')].{id: RoleName}"),),
    tags=Call("list_role_tags", {"RoleName": "{id}"}, "[{tags: Tags}]"),
    remove=Call("delete_role", {"RoleName": "{id}"}),
)
PROVIDER = Kind(
    "OIDC provider",
    "iam",
    r"iam:oidc-provider/.+",
    one=Call(
        "get_open_id_connect_provider", {"OpenIDConnectProviderArn": "{id}"}, "[{id: '{id}'}]"
    ),
    every=(Call("list_open_id_connect_providers", {}, "OpenIDConnectProviderList[].{id: Arn}"),),
    tags=Call(
        "list_open_id_connect_provider_tags", {"OpenIDConnectProviderArn": "{id}"}, "[{tags: Tags}]"
    ),
    remove=Call("delete_open_id_connect_provider", {"OpenIDConnectProviderArn": "{id}"}),
)
KEY = Kind(
    "key",
    "kms",
    r"kms:key/(.+)",
    one=Call(
        "describe_key",
        {"KeyId": "{id}"},
        "[KeyMetadata] | [?KeyState != 'PendingDeletion'].{id: KeyId}",
    ),
    every=(Call("list_keys", {}, "Keys[].{id: KeyId}"),),
    tags=Call("list_resource_tags", {"KeyId": "{id}"}, "[{tags: Tags}]"),
    is_closed=True,
    remove=Call("schedule_key_deletion", {"KeyId": "{id}", "PendingWindowInDays": 7}),
)
_POINTS = Call(
    "list_recovery_points_by_backup_vault",
    {"BackupVaultName": "{within}"},
    "RecoveryPoints[].{id: RecoveryPointArn}",
)
VAULT = Kind(
    "backup vault",
    "backup",
    r"backup:backup-vault:(.+)",
    one=Call(  # to describe a vault that is not there is refused, as if it were another's
        "list_backup_vaults",
        {},
        "BackupVaultList[?BackupVaultName == '{id}'].{id: BackupVaultName}",
    ),
    every=(Call("list_backup_vaults", {}, "BackupVaultList[].{id: BackupVaultName}"),),
    tags=Call(
        "list_tags",
        {"ResourceArn": "arn:{partition}:backup:{region}:{account}:backup-vault:{id}"},
        "[{tags: Tags}]",
    ),
    remove=Call("delete_backup_vault", {"BackupVaultName": "{id}"}),
)
RECOVERY_POINT = Kind(
    "recovery point",
    "backup",
    r"backup:recovery-point:.+",
    one=_POINTS,
    every=(_POINTS,),
    within=VAULT,
    remove=Call(
        "delete_recovery_point", {"BackupVaultName": "{within}", "RecoveryPointArn": "{id}"}
    ),
)
PLAN = Kind(
    "backup plan",
    "backup",
    r"backup:backup-plan:(.+)",
    one=Call(
        "get_backup_plan", {"BackupPlanId": "{id}"}, "[@] | [?!DeletionDate].{id: BackupPlanId}"
    ),
    every=(Call("list_backup_plans", {}, "BackupPlansList[].{id: BackupPlanId}"),),
    tags=Call(
        "list_tags",
        {"ResourceArn": "arn:{partition}:backup:{region}:{account}:backup-plan:{id}"},
        "[{tags: Tags}]",
    ),
    remove=Call("delete_backup_plan", {"BackupPlanId": "{id}"}),
)
BUDGET = Kind(
    "budget",
    "budgets",
    r"budgets:budget/(.+)",
    one=Call(
        "describe_budget",
        {"AccountId": "{account}", "BudgetName": "{id}"},
        "[Budget.{id: BudgetName}]",
    ),
    every=(Call("describe_budgets", {"AccountId": "{account}"}, "Budgets[].{id: BudgetName}"),),
    names=("{name}", "{name}-Budget-*"),
    remove=Call("delete_budget", {"AccountId": "{account}", "BudgetName": "{id}"}),
)
WORKSPACE = Kind(
    "metrics workspace",
    "amp",
    r"aps:(?:workspace|rulegroupsnamespace)/([^/]+)(?:/.+)?",
    one=Call("describe_workspace", {"workspaceId": "{id}"}, "[workspace.{id: workspaceId}]"),
    remove=Call("delete_workspace", {"workspaceId": "{id}"}),
)

KINDS = (
    STACK,
    CLUSTER,
    GROUP,
    INSTANCE,
    LOAD_BALANCER,
    LISTENER,
    RULE,
    TARGET_GROUP,
    NAT_GATEWAY,
    ADDRESS,
    ENDPOINT,
    INTERFACE,
    SECURITY_GROUP,
    LAUNCH_TEMPLATE,
    SUBNET,
    ROUTE_TABLE,
    INTERNET_GATEWAY,
    NETWORK_ACL,
    NETWORK,
    FLOW_LOG,
    VOLUME,
    SNAPSHOT,
    ACCESS_POINT,
    FILE_SYSTEM,
    REPOSITORY,
    LOG_GROUP,
    RECOVERY_POINT,
    VAULT,
    PLAN,
    KEY,
    ROLE,
    PROVIDER,
    BUDGET,
    WORKSPACE,
)
