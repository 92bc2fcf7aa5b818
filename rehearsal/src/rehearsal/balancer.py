"""The stand-in for the AWS Load Balancer Controller.

It looks at the one Ingress of a deployment, and makes in Amazon what the controller would make. In
the cluster it takes a node port for the page, since pods cannot be reached from here: what comes
that way, comes from a node's address. It acts while its chart is installed, and no longer. What it
lacks: readiness gates of pods, and the webhooks of the real one.
"""

from __future__ import annotations

import json
import logging
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import httpx
import yaml
from botocore.exceptions import BotoCoreError, ClientError

from rehearsal import internet, pages
from rehearsal.api import open_api
from rehearsal.credentials import credentials
from rehearsal.internet import Internet, Site
from rehearsal.load_balancers import LoadBalancers
from rehearsal.nodes import NODE_PORT
from rehearsal.security_groups import Groups
from rehearsal.wanted import WantedError, read

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rehearsal.api import Api, Manifest
    from rehearsal.cluster import Cluster
    from rehearsal.pages import Page
    from rehearsal.wanted import Wanted

NAME = "balancer"  # as the recorder shows who called
NAMESPACE, INGRESS = "ml-pipeline", "ml-frontend"
FINALIZER = "ingress.k8s.aws/resources"
CONTROLLER = "aws-load-balancer-controller"
SERVICE = "rehearsal-balancer"
PAUSE, LONG_PAUSE = 1.0, 5.0  # seconds from one look at the cluster to the next; after a fault
_VALUES = f"/api/v1/namespaces/kube-system/configmaps/{CONTROLLER}"
_CORE = f"/api/v1/namespaces/{NAMESPACE}"
_PATH = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/ingresses/{INGRESS}"
_SLICES = f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices"
_LOG = logging.getLogger(__name__)


@contextmanager
def balance(cluster: Cluster, aws: str) -> Iterator[str]:
    """Acts as the controller, and as the internet that leads to what it makes.

    Args:
        cluster: that has the Ingress.
        aws: the endpoint of Amazon's services.

    Yields:
        The URL of the HTTP proxy that stands in for the internet.
    """
    hosts = Internet()
    stop = threading.Event()
    with open_api(cluster.kubeconfig) as api, internet.serve(hosts) as proxy:
        balancer = Balancer(api, aws, cluster, hosts)
        thread = threading.Thread(target=balancer.run, args=(stop,), daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            stop.set()
            thread.join()


class Balancer:
    """The controller: what it is told by the cluster, and what it did last.

    Args:
        api: of the cluster.
        aws: the endpoint of Amazon's services.
        cluster: whose node port leads to the page.
        hosts: the host names that lead there.
    """

    def __init__(self, api: Api, aws: str, cluster: Cluster, hosts: Internet) -> None:
        self._api = api
        self._aws = aws
        self._cluster = cluster
        self._hosts = hosts
        # The chart's values, and the clients for them.
        self._known: tuple[str, LoadBalancers | None] = ("", None)
        # What the load balancer was made of, and the pods that its target group has.
        self._asked = ""
        self._targets: tuple[str, frozenset[str]] = ("", frozenset())
        self._told = ""  # the last event

    def run(self, stop: threading.Event) -> None:
        """Looks at the cluster until it is told to stop."""
        pause = PAUSE
        while not stop.wait(pause):
            try:
                pause = PAUSE if self.look() else LONG_PAUSE
            except httpx.HTTPError as error:  # as while the API server starts
                _LOG.warning("the cluster: %s", error)
                pause = LONG_PAUSE
            except Exception:  # noqa: BLE001 - it is not to end unseen in a thread
                _LOG.exception("the stand-in for the load balancer controller")
                pause = LONG_PAUSE

    def look(self) -> bool:
        """Does what there is to do; whether that went well."""
        balancers = self._balancers()
        ingress = self._api.find(_PATH) if balancers else None
        if balancers is None or ingress is None:
            self._asked, self._targets, self._told = "", ("", frozenset()), ""
            return True
        if ingress["spec"].get("ingressClassName") != "alb":
            return True
        try:
            if "deletionTimestamp" in ingress["metadata"]:
                self._remove(balancers, ingress)
            else:
                self._ensure(balancers, ingress)
        except WantedError as error:
            self._tell(ingress, "FailedBuildModel", f"Failed build model due to {error}")
            return False
        except (BotoCoreError, ClientError) as error:
            self._tell(ingress, "FailedDeployModel", f"Failed deploy model due to {error}")
            return False
        return True

    def _balancers(self) -> LoadBalancers | None:
        """The load balancers as the installed chart has them; None while it is not installed."""
        told = None if self._cluster.balancer_is_away else self._api.find(_VALUES)
        if told is None:
            return None
        text = told["data"]["values"]
        if self._known[0] != text:
            self._known = (text, open_balancers(yaml.safe_load(text), self._aws))
        return self._known[1]

    def _ensure(self, balancers: LoadBalancers, ingress: Manifest) -> None:
        finalizers = ingress["metadata"].get("finalizers", [])
        if FINALIZER not in finalizers:
            self._api.merge(_PATH, {"metadata": {"finalizers": [*finalizers, FINALIZER]}})
        wanted = read(ingress["metadata"].get("annotations", {}))
        name, port = pages.service_of(ingress)
        service = self._api.find(f"{_CORE}/services/{name}")
        if service is None:
            raise WantedError(f'Service "{name}" not found')
        selector = f"kubernetes.io/service-name={name}"
        listed = self._api.find(f"{_SLICES}?labelSelector={selector}") or {"items": []}
        page = pages.read(ingress, service, listed["items"])
        asked = json.dumps([repr(wanted), repr(page), service["spec"], self._known[0]])
        if asked != self._asked:
            hostname, group = balancers.ensure(page, wanted)
            self._api.apply(f"{_CORE}/services/{SERVICE}", _node_port(service, port))
            self._hosts.sites[hostname] = _site(self._cluster, wanted)
            status = {"loadBalancer": {"ingress": [{"hostname": hostname}]}}
            self._api.merge(f"{_PATH}/status", {"status": status})
            self._asked, self._targets = asked, (group, frozenset())
            self._tell(ingress, "SuccessfullyReconciled", "Successfully reconciled")
        self._register(balancers, page, pages.addresses(listed["items"]))

    def _register(self, balancers: LoadBalancers, page: Page, addresses: frozenset[str]) -> None:
        group, registered = self._targets
        if addresses != registered:
            balancers.register(group, addresses, page.target_port)
            self._targets = (group, addresses)

    def _remove(self, balancers: LoadBalancers, ingress: Manifest) -> None:
        finalizers = ingress["metadata"].get("finalizers", [])
        if FINALIZER not in finalizers:
            return
        balancers.remove(pages.stack_of(ingress))
        for each in ingress.get("status", {}).get("loadBalancer", {}).get("ingress", []):
            self._hosts.sites.pop(each.get("hostname", ""), None)
        self._api.delete(f"{_CORE}/services/{SERVICE}")
        left = [each for each in finalizers if each != FINALIZER]
        self._api.merge(_PATH, {"metadata": {"finalizers": left}})

    def _tell(self, ingress: Manifest, reason: str, message: str) -> None:
        """An event, unless it is the last one again."""
        if message == self._told:
            return
        self._told = message
        _LOG.info("%s: %s", reason, message)
        self._api.create(f"{_CORE}/events", _event(ingress, reason, message))


def open_balancers(values: Mapping[str, Any], aws: str) -> LoadBalancers | None:
    """The load balancers of the cluster that the chart's values name.

    Args:
        values: of the chart.
        aws: the endpoint of Amazon's services.

    Returns:
        None when a value is missing without which the controller does not start.
    """
    for name in ("clusterName", "region", "vpcId"):
        if not values.get(name):
            _LOG.warning("%s: the value %s is missing", CONTROLLER, name)
            return None
    who = credentials(NAME, aws, values["region"])
    session = boto3.Session(
        aws_access_key_id=who["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=who["AWS_SECRET_ACCESS_KEY"],
        region_name=values["region"],
    )
    groups = Groups(
        client=session.client("ec2", endpoint_url=aws),
        cluster=values["clusterName"],
        vpc=values["vpcId"],
        default_tags=dict(values.get("defaultTags") or {}),
    )
    return LoadBalancers(
        session.client("elbv2", endpoint_url=aws), session.client("wafv2", endpoint_url=aws), groups
    )


def _site(cluster: Cluster, wanted: Wanted) -> Site:
    ports = tuple(each.port for each in wanted.listeners if each.protocol == "HTTP")
    return Site(cluster.page, ports, wanted.redirect, wanted.cidrs)


def _node_port(service: Manifest, port: str) -> Manifest:
    """A Service for the same pods, which the node's container leads to."""
    found = pages.service_port(service, port)
    kept = {name: found[name] for name in ("name", "port", "targetPort") if name in found}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": SERVICE, "namespace": NAMESPACE},
        "spec": {
            "type": "NodePort",
            "selector": service["spec"]["selector"],
            "ports": [kept | {"protocol": "TCP", "nodePort": NODE_PORT}],
        },
    }


def _event(ingress: Manifest, reason: str, message: str) -> Manifest:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{INGRESS}.", "namespace": NAMESPACE},
        "involvedObject": {
            "apiVersion": ingress["apiVersion"],
            "kind": ingress["kind"],
            "namespace": NAMESPACE,
            "name": INGRESS,
            "uid": ingress["metadata"]["uid"],
        },
        "reason": reason,
        "message": message,
        "type": "Normal" if reason.startswith("Successfully") else "Warning",
        "source": {"component": "ingress"},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
