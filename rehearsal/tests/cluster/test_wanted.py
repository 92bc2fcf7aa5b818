from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from rehearsal.wanted import PREFIX, Listener, WantedError, read

ROOT = Path(__file__).resolve().parents[3]


def named(**annotations: str) -> dict[str, str]:
    return {f"{PREFIX}{name.replace('_', '-')}": value for name, value in annotations.items()}


def test_the_overlay_asks_for_what_is_known() -> None:
    text = (ROOT / "k8s/overlays/eks/ml-frontend-ingress.yaml").read_text()
    wanted = read(yaml.safe_load(text)["metadata"]["annotations"])
    assert wanted.listeners == (Listener(80, "HTTP"), Listener(443, "HTTPS"))
    assert wanted.redirect == 443
    assert wanted.scheme == "internet-facing"
    assert wanted.tags == {"ml-pipeline:deployment": "ml-pipeline"}
    assert wanted.attributes["routing.http.drop_invalid_header_fields.enabled"] == "true"


def test_without_annotations_it_is_as_the_controller_has_it() -> None:
    wanted = read({"kubernetes.io/other": "x"})
    assert wanted.listeners == (Listener(80, "HTTP"),)
    assert (wanted.scheme, wanted.target_type) == ("internal", "instance")
    assert wanted.cidrs == ("0.0.0.0/0",)
    assert wanted.health["HealthCheckIntervalSeconds"] == 15


def test_with_a_certificate_it_listens_for_https() -> None:
    assert read(named(certificate_arn="arn:1")).listeners == (Listener(443, "HTTPS"),)


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        (named(sheme="internal"), "sheme: there is no such annotation"),
        (named(scheme="public"), "public is none of internal, internet-facing"),
        (named(target_type="pod"), "pod is none of instance, ip"),
        (named(listen_ports='[{"HTTPS": 443}]'), "certificate-arn is needed"),
        (named(listen_ports="80"), "is not as it must be"),
        (named(listen_ports='[{"FTP": 21}]'), "FTP 21 cannot be listened at"),
        (named(ssl_redirect="443"), "SSL redirect port: 443"),
        (named(ssl_redirect="yes"), "yes is no whole number"),
        (named(inbound_cidrs="10.0.0.1/8"), "has host bits set"),
        (named(tags="Name"), "Name has no value"),
        (named(load_balancer_name="a" * 33), "cannot be longer"),
        (named(healthcheck_timeout_seconds="15"), "shorter than its interval"),
    ],
)
def test_what_the_controller_does_not_take_is_refused(
    annotations: dict[str, str], reason: str
) -> None:
    with pytest.raises(WantedError, match=reason):
        read(annotations)
