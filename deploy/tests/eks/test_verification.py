from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import fake_cluster
import fake_page
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deploy.eks import verification
from deploy.errors import DeployError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fake_cluster import Cluster
    from fake_page import Page

CERTIFICATE = {verification.CERTIFICATE: "arn:aws:acm:us-west-2:111122223333:certificate/x"}
ADDRESS = {"loadBalancer": {"ingress": [{"hostname": "x.elb.amazonaws.com"}]}}
NO_MODEL = {"error": {"code": "no_model", "message": "no model is loaded yet"}}


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Page]:
    monkeypatch.setattr(verification, "LOOK_SECONDS", 0.0)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with fake_page.serving() as found:
        yield found


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    monkeypatch.setattr(verification, "LOOK_SECONDS", 0.0)
    return fake_cluster.install(tmp_path, monkeypatch)


def test_a_sample_of_the_model_s_is_classified(page: Page) -> None:
    verified = verification.verify(page.url)
    assert str(verified) == "sample-1.png is 'daisy' (98.0%), says version 3, rightly"
    assert fake_page.PICTURE in page.posted[0]
    assert page.asked[:3] == ["/", "/api/ping", "/api/models"]


def test_a_wrong_label_is_told_and_no_fault(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    page.answers["/api/models/3"] = (200, {"samples": [{"file": "sample-1.png", "label": "rose"}]})
    assert verification.verify(page.url).label == "daisy"
    assert "wrongly: it is 'rose'; a model may be wrong" in capsys.readouterr().err


def test_a_load_balancer_that_is_new_is_asked_again(
    page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    page.refusals += [503, 504, 463]
    verification.verify(page.url)
    told = capsys.readouterr().err
    assert [f"/ answers {status}" in told for status in (503, 504, 463)] == [True] * 3


@pytest.mark.parametrize(
    ("path", "answer", "told"),
    [
        ("/", (503, ""), "/ answers 503; no target is healthy"),
        ("/", (403, ""), "/ answers 403; the web ACL refuses this machine"),
        ("/", (200, {}), "/ answers no page"),
        ("/api/ping", (502, ""), "/api/ping answers 502; check the services' networking"),
        ("/api/models", (200, {"current": None}), "no model is served; train_eks"),
        ("/api/models", (200, "<html>"), "/api/models answers no JSON"),
        ("/api/models/3", (200, {"samples": []}), "version 3 offers no picture to try"),
        ("/api/models/3/files/sample-1.png", (503, ""), "/files/sample-1.png answers 503"),
        ("/api/predict", (503, NO_MODEL), "answers 503 (no model is loaded yet); no target"),
        ("/api/predict", (200, {"predictions": []}), "/api/predict answers no classes"),
    ],
)
def test_what_is_missing_is_told_with_what_to_do(
    page: Page, path: str, answer: tuple[int, object], told: str
) -> None:
    page.answers[path] = answer
    with pytest.raises(DeployError) as caught:
        verification.verify(page.url, 0.0)
    assert f"{page.url} does not serve within 0 s: " in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("page")
def test_an_address_where_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(DeployError, match="the load balancer does not listen yet"):
            verification.verify(url, 0.0)


def test_a_machine_that_is_kept_out(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(*_: object, **__: object) -> httpx.Response:
        raise httpx.ConnectTimeout("timed out")

    monkeypatch.setattr(httpx.Client, "get", silent)
    with pytest.raises(DeployError, match=r"timed out; nothing comes back: .* --client-cidrs"):
        verification.verify(page.url, 0.0)


@pytest.mark.usefixtures("page")
def test_a_name_that_is_not_known_yet() -> None:
    with pytest.raises(DeployError, match="the name is not in DNS yet"):
        verification.verify("http://nowhere.invalid", 0.0)


def test_the_certificate_is_of_the_user_s_domain_and_of_a_known_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "LOOK_SECONDS", 0.0)
    path = write_certificate(tmp_path, "page.example.com")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with fake_page.serving(context) as page:
        with pytest.raises(DeployError, match="of no authority known here; SSL_CERT_FILE"):
            verification.verify(page.url, 0.0)
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        assert verification.verify(page.url, 0.0).version == 3


def write_certificate(folder: Path, domain: str) -> Path:
    """A key and its certificate, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, domain)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    secret = key.private_bytes(serialization.Encoding.PEM, *form)
    path = folder / "certificate.pem"
    path.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    return path


def test_the_environment_s_proxy_is_asked(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", page.url)
    monkeypatch.setenv("NO_PROXY", "")
    host = "http://x.elb.amazonaws.com"
    page.answers |= {f"{host}{path}": answer for path, answer in page.answers.items()}
    assert verification.verify(host).version == 3
    assert page.asked[0] == f"{host}/"


def test_the_ingress_tells_the_address(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = fake_cluster.warning("FailedBuildModel", "couldn't auto-discover subnets")
    cluster.will(
        lists={"ingresses": [[ingress()], [ingress(**ADDRESS)]]},
        events={"ml-frontend": [failed]},
    )
    assert verification.find_url(cluster.kubectl) == "http://x.elb.amazonaws.com"
    assert "FailedBuildModel: couldn't auto-discover subnets" in capsys.readouterr().err


def ingress(**status: object) -> dict[str, object]:
    return {"metadata": {"name": "ml-frontend"}, "status": status}


def test_with_a_certificate_it_is_https() -> None:
    manifest = {"metadata": {"annotations": CERTIFICATE}, "status": ADDRESS}
    assert verification.url_of(manifest) == "https://x.elb.amazonaws.com"


def test_an_ingress_that_gets_no_address(cluster: Cluster) -> None:
    cluster.has("Ingress", "ml-frontend")
    with pytest.raises(DeployError, match=r"not answered yet; `kubectl .*load-balancer-controller"):
        verification.find_url(cluster.kubectl, 0.0)


def test_without_an_ingress(cluster: Cluster) -> None:
    with pytest.raises(DeployError, match="there is no Ingress in ml-pipeline"):
        verification.find_url(cluster.kubectl, 0.0)
