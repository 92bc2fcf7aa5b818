"""What is verified from outside: that the page's address answers, and classifies a picture."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import httpx

from deploy.console import say
from deploy.eks import reasons
from deploy.eks.waiting import Patience, wait_until_done
from deploy.errors import DeployError, UnreachableError
from deploy.log import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.kubectl import Kubectl, Manifest

ADDRESS_SECONDS, ANSWER_SECONDS = 600.0, 300.0
LOOK_SECONDS = 3.0
REQUEST_SECONDS = 15.0
CERTIFICATE = "alb.ingress.kubernetes.io/certificate-arn"
_CONTROLLER = (
    "`kubectl --namespace kube-system logs deployment/aws-load-balancer-controller` tells why"
)
_STATUS_REMEDIES: dict[int, str] = {  # of the load balancer's own answers
    HTTPStatus.FORBIDDEN: "the web ACL refuses this machine: see its rules (--web-acl-arn)",
    HTTPStatus.BAD_GATEWAY: "check the services' networking: status_eks tells whether pods serve",
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "no target is healthy, or no model is loaded: status_eks tells which; train_eks trains one"
    ),
    HTTPStatus.GATEWAY_TIMEOUT: "the load balancer does not reach the pods: see their security "
    "group and NetworkPolicy",
}
_NO_NAME = re.compile(r"Name or service|nodename|name resolution|No address associated")


@dataclass(frozen=True, slots=True)
class Verified:
    """A picture that the model offers to try, and what the model says it is.

    Attributes:
        version: of the model.
        truth: the picture's label.
        label: the answer.
        probability: that the model gives it, 0 to 1.
    """

    version: int
    file: str
    truth: str
    label: str
    probability: float

    def __str__(self) -> str:
        """What is told of it."""
        answer = f"{self.file} is {self.label!r} ({self.probability:.1%}), says version "
        right = "rightly" if self.label == self.truth else f"wrongly: it is {self.truth!r}"
        return printable(f"{answer}{self.version}, {right}")


class _NotYetError(DeployError):
    """Not as it should be; the message has what was seen, and what to do."""

    def __init__(self, seen: str, remedy: str) -> None:
        super().__init__(f"{seen}; {remedy}")
        self.seen = seen


def find_url(kubectl: Kubectl, seconds: float = ADDRESS_SECONDS) -> str:
    """The address of the load balancer that the Ingress has got.

    Raises:
        DeployError: there is no Ingress, or it has no address within the time.
    """
    found = ""

    def look() -> str | None:
        nonlocal found
        try:
            ingress = find_ingress(kubectl)
            found = url_of(ingress) or ""
            name = ingress["metadata"]["name"]
            told = None if found else reasons.last_event(kubectl.events(name))
        except UnreachableError as error:
            return str(error)
        return None if found else told or "the load balancer's controller has not answered yet"

    try:
        wait_until_done("the Ingress' address", look, Patience(seconds, LOOK_SECONDS))
    except DeployError as error:
        raise DeployError(f"{error}; {_CONTROLLER}") from error
    return found


def find_ingress(kubectl: Kubectl) -> Manifest:
    """The one Ingress of the deployment.

    Raises:
        DeployError: there is none.
    """
    for each in kubectl.find("ingresses"):
        return each
    raise DeployError(f"there is no Ingress in {kubectl.namespace}; deploy again, which applies it")


def url_of(ingress: Manifest) -> str | None:
    """The URL that leads to an Ingress; None as long as it has no address."""
    scheme = "https" if ingress["metadata"].get("annotations", {}).get(CERTIFICATE) else "http"
    places = ingress.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    hosts = [each.get("hostname") or each.get("ip") for each in places]
    return f"{scheme}://{hosts[0]}" if hosts and hosts[0] else None


def verify(url: str, seconds: float = ANSWER_SECONDS) -> Verified:
    """Asks for the page, the API and a picture's class, until all is answered.

    A new load balancer's name and targets take minutes.

    Args:
        url: of the load balancer.
        seconds: after which it is given up.

    Raises:
        DeployError: something is not answered within the time.
    """
    found: list[Verified] = []
    fault = ""

    def look() -> str | None:
        nonlocal fault
        try:
            found.append(_answers(client))
        except _NotYetError as error:
            fault = str(error)
            return error.seen
        return None

    with open_client(url) as client:
        try:
            wait_until_done(url, look, Patience(seconds, LOOK_SECONDS))
        except DeployError as error:
            told = f"{url} does not serve within {seconds:.0f} s: {fault}"
            raise DeployError(told) from error
    if found[0].label != found[0].truth:
        say(f"  {found[0]}; a model may be wrong at times, its accuracy is on the page")
    return found[0]


def open_client(url: str) -> httpx.Client:
    """A client for the deployment's page, by the proxy of the environment if it names one.

    The certificate has to be valid, but is for the user's domain, not for the load balancer's own
    name, which is what is asked here.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    return httpx.Client(base_url=url, timeout=REQUEST_SECONDS, verify=context)


def get(client: httpx.Client, path: str) -> httpx.Response:
    """What is answered, if that is a success.

    Raises:
        DeployError: it is none; with what to do.
    """
    return _asked(path, lambda: client.get(path))


def get_document(client: httpx.Client, path: str) -> dict[str, Any]:
    """What is answered in JSON.

    Raises:
        DeployError: it is no success, or no JSON.
    """
    return _document(get(client, path))


def _answers(client: httpx.Client) -> Verified:
    page = get(client, "/")
    if "text/html" not in page.headers.get("content-type", ""):
        raise _NotYetError("/ answers no page", "see what else has this address")
    get(client, "/api/ping")
    version = get_document(client, "/api/models").get("current")
    if not version:
        raise _NotYetError("no model is served", "train_eks trains one; status_eks tells more")
    samples = get_document(client, f"/api/models/{version}").get("samples") or []
    if not samples:
        raise _NotYetError(f"version {version} offers no picture to try", "train_eks trains anew")
    return _classified(client, version, samples[0])


def _classified(client: httpx.Client, version: int, sample: dict[str, str]) -> Verified:
    name, truth = sample.get("file", ""), sample.get("label", "")
    picture = get(client, f"/api/models/{version}/files/{name}").content
    answer = _document(
        _asked("/api/predict", lambda: client.post("/api/predict", files={"file": (name, picture)}))
    )
    try:
        best = answer["predictions"][0]["top"][0]
        served, probability = int(answer["model"]["version"]), float(best["probability"])
        return Verified(served, name, truth, str(best["label"]), probability)
    except (LookupError, TypeError, ValueError) as error:
        raise _NotYetError("/api/predict answers no classes", "see the backend's log") from error


def _document(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError as error:
        raise _NotYetError(
            f"{response.url.path} answers no JSON", "see what else has this address"
        ) from error
    return document if isinstance(document, dict) else {}


def _asked(path: str, ask: Callable[[], httpx.Response]) -> httpx.Response:
    try:
        response = ask()
    except httpx.HTTPError as error:
        raise _NotYetError(f"{path}: {error}", _remedy(error)) from error
    if response.status_code != HTTPStatus.OK:
        remedy = _STATUS_REMEDIES.get(response.status_code, "see the pods' logs")
        raise _NotYetError(f"{path} answers {response.status_code}{_reason(response)}", remedy)
    return response


def _remedy(error: httpx.HTTPError) -> str:
    """By what a connection that fails looks like."""
    text = str(error)
    if isinstance(error, httpx.TimeoutException):
        return (
            "nothing comes back: see that this machine's address is within the client CIDRs (the "
            "option --client-cidrs)"
        )
    if isinstance(error, httpx.ProxyError):
        return "the proxy of the environment (HTTP_PROXY) does not lead there"
    if "CERTIFICATE_VERIFY" in text:
        return "the certificate is of no authority known here; SSL_CERT_FILE may name a private one"
    if _NO_NAME.search(text):
        return "the name is not in DNS yet, or this machine's name server does not know it"
    return "the load balancer does not listen yet, or is gone; deploy again"


def _reason(response: httpx.Response) -> str:
    """Of the API's own errors, what they say."""
    try:
        message = str(response.json()["error"]["message"])
    except (ValueError, LookupError, TypeError):
        return ""
    return printable(f" ({message})")
