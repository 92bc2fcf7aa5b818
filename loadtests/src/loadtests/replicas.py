"""How many replicas the backend has, as the cluster tells; also a program that goes on telling it.

That program is a process of its own, as starting kubectl would hold up the sender.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

from loadtests.errors import UNREACHABLE, LoadError

NAMESPACE, NAME = "ml-pipeline", "ml-backend"
EVERY_SECONDS = 2.0
REQUEST_SECONDS, KUBECTL_SECONDS = 5, 10.0
NICENESS = 10  # the sender goes first
START = "start the cluster with `ctlptl apply -f k8s/cluster.yaml && tilt up`, or name a --context"


@dataclass(frozen=True, slots=True)
class Replicas:
    """What the HPA and the Deployment tell.

    Attributes:
        desired: how many the HPA wants.
        ready: how many take requests.
        least: the HPA's minimum.
        measured: whether the HPA has figures to scale by.
    """

    desired: int
    ready: int
    least: int = 1
    measured: bool = True


def check_at_rest(context: str) -> None:
    """Checks that an HPA is there, works, and has not scaled up yet.

    Raises:
        LoadError: it is not so, or the cluster cannot be asked.
    """
    found = look(context)
    asked = f"kubectl --context {context} -n {NAMESPACE}"
    if not found.measured:
        raise LoadError(
            f"the HPA {NAME} has no figures to scale by; wait a minute, or let `{asked} describe "
            f"hpa {NAME}` tell why",
            UNREACHABLE,
        )
    if max(found.desired, found.ready) > found.least:
        raise LoadError(
            f"{NAME} has {found.ready} replicas, of which the HPA wants {found.desired}; wait "
            f"until `{asked} get hpa` tells its minimum, {found.least}",
            UNREACHABLE,
        )


def look(context: str) -> Replicas:
    """Asks the cluster.

    Raises:
        LoadError: kubectl is not there, the cluster does not answer, or it has no HPA.
    """
    command = ["kubectl", "--context", context, f"--request-timeout={REQUEST_SECONDS}s"]
    command += ["-n", NAMESPACE, "get", f"hpa/{NAME}", f"deployment/{NAME}", "-o", "json"]
    try:
        ran = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,  # else it asks for a password where there is no user
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=KUBECTL_SECONDS,
        )
    except OSError as error:
        raise LoadError(f"kubectl: {error.strerror}; install it, on the PATH") from error
    except subprocess.TimeoutExpired as error:
        told = f"no answer within {KUBECTL_SECONDS:g} s"
        raise LoadError(f"--context {context}: {told}; {START}", UNREACHABLE) from error
    if ran.returncode:
        raise LoadError(f"--context {context}: {_reason(ran.stderr)}; {START}", UNREACHABLE)
    return parse(ran.stdout)


def parse(text: str) -> Replicas:
    """Replicas from kubectl's JSON of the HPA and the Deployment.

    Raises:
        LoadError: it is something else.
    """
    try:
        items = {item["kind"]: item for item in json.loads(text)["items"]}
        scaler, deployment = items["HorizontalPodAutoscaler"], items["Deployment"]
        conditions = scaler["status"].get("conditions") or []
        return Replicas(
            int(scaler["status"].get("desiredReplicas", 0)),
            int(deployment["status"].get("readyReplicas", 0)),
            int(scaler["spec"].get("minReplicas", 1)),
            ("ScalingActive", "False") not in [(c["type"], c["status"]) for c in conditions],
        )
    except (ValueError, OverflowError, RecursionError, LookupError, TypeError, AttributeError):
        raise LoadError(f"kubectl tells of no HPA and Deployment {NAME}", UNREACHABLE) from None


def main() -> None:
    """Tells on stdout, a line of JSON each time, until nobody reads it."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # it ends with the sender, quietly
    os.nice(NICENESS)
    due = time.monotonic()
    while True:
        try:
            told = asdict(look(sys.argv[1]))
        except LoadError as error:
            told = {"fault": str(error)}
        sys.stdout.write(f"{json.dumps(told)}\n")
        sys.stdout.flush()
        due = max(due + EVERY_SECONDS, time.monotonic())
        time.sleep(max(0.0, due - time.monotonic()))


def _reason(stderr: str) -> str:
    lines = stderr.split("\n")
    told = next((line for line in reversed(lines) if line.strip()), "kubectl fails")
    return " ".join(told.removeprefix("error: ").split())


if __name__ == "__main__":
    main()
