from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from rendering_overlays import example, render

from deploy.eks import overlay
from deploy.eks.deployment import ROOT, Deployment
from deploy.errors import DeployError

if TYPE_CHECKING:
    from pathlib import Path

    from deploy.kubectl import Manifest

ALB = "alb.ingress.kubernetes.io"
CERTIFICATE = "arn:aws:acm:eu-central-1:444455556666:certificate/fedcba98"
VALUES = {
    "ClusterName": "pictures",
    "FileSystemId": "fs-0000000000000000a",
    "ImgsAccessPointId": "fsap-0000000000000000b",
    "DataAccessPointId": "fsap-0000000000000000c",
    "ModelAccessPointId": "fsap-0000000000000000d",
    "PublicSubnetCidrs": "172.18.0.0/18,172.18.64.0/18",
    "ClientCidrs": "198.51.100.0/24, 203.0.113.7/32",
    "CertificateArn": CERTIFICATE,
    "WebAclArn": "",
}
REGISTRY = "localhost:5001/pictures"
IMAGES = {
    name: f"{REGISTRY}/{name}@sha256:{number:064x}"
    for number, name in enumerate(overlay.COMPONENTS)
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> list[Manifest]:
    """As kubectl makes it of what is written."""
    folder = tmp_path_factory.mktemp("deployment") / "overlay"
    overlay.write(folder, VALUES, IMAGES)
    return render(folder)


def find(kind: str, name: str, manifests: list[Manifest]) -> Manifest:
    (found,) = (
        each for each in manifests if (each["kind"], each["metadata"]["name"]) == (kind, name)
    )
    return found


def alb_annotations(manifests: list[Manifest]) -> dict[str, str]:
    """Those of the Ingress, without what all begin with."""
    given: dict[str, str] = find("Ingress", "ml-frontend", manifests)["metadata"]["annotations"]
    assert all(key.startswith(f"{ALB}/") for key in given)
    return {key.partition("/")[2]: value for key, value in given.items()}


def written(folder: Path, **values: str) -> list[Manifest]:
    overlay.write(folder, VALUES | values, IMAGES)
    return render(folder)


def test_the_volumes_are_the_access_points(rendered: list[Manifest]) -> None:
    handles = {
        each["metadata"]["name"]: each["spec"]["csi"]["volumeHandle"]
        for each in rendered
        if each["kind"] == "PersistentVolume"
    }
    assert handles == {
        "ml-pipeline-imgs": "fs-0000000000000000a::fsap-0000000000000000b",
        "ml-pipeline-data": "fs-0000000000000000a::fsap-0000000000000000c",
        "ml-pipeline-model": "fs-0000000000000000a::fsap-0000000000000000d",
    }


def test_the_images_are_the_pushed_ones(rendered: list[Manifest]) -> None:
    images = {
        container["image"]
        for each in rendered
        if each["kind"] in {"Deployment", "Job"}
        for container in each["spec"]["template"]["spec"]["containers"]
    }
    assert images == set(IMAGES.values())


def test_the_load_balancers_subnets_are_let_in(rendered: list[Manifest]) -> None:
    (rule,) = find("NetworkPolicy", "ml-frontend", rendered)["spec"]["ingress"]
    assert rule == {
        "from": [
            {"ipBlock": {"cidr": "172.18.0.0/18"}},
            {"ipBlock": {"cidr": "172.18.64.0/18"}},
        ],
        "ports": [{"protocol": "TCP", "port": "http"}],
    }


def test_the_load_balancer_is_the_deployments(rendered: list[Manifest]) -> None:
    expected = {
        "load-balancer-name": "pictures",
        "tags": "ml-pipeline:deployment=pictures",
        "inbound-cidrs": "198.51.100.0/24,203.0.113.7/32",
        "certificate-arn": CERTIFICATE,
        "listen-ports": '[{"HTTP": 80}, {"HTTPS": 443}]',
        "ssl-redirect": "443",
        "wafv2-acl-arn": "none",
        "target-type": "ip",
    }
    assert alb_annotations(rendered).items() >= expected.items()


def test_nothing_of_the_example_is_left(rendered: list[Manifest]) -> None:
    assert "111122223333" in str(example())
    assert not [each for each in rendered if "111122223333" in str(each) or "0123456" in str(each)]


def test_all_else_is_as_in_the_repository(rendered: list[Manifest]) -> None:
    def names(manifests: list[Manifest]) -> list[tuple[Any, Any]]:
        return [(each["kind"], each["metadata"]["name"]) for each in manifests]

    assert names(rendered) == names(example())
    alike = {"ConfigMap", "HorizontalPodAutoscaler", "Namespace", "Service", "StorageClass"}
    assert [each for each in rendered if each["kind"] in alike] == [
        each for each in example() if each["kind"] in alike
    ]


def test_without_a_certificate_there_is_http_alone(tmp_path: Path) -> None:
    given = alb_annotations(written(tmp_path, CertificateArn=""))
    assert given["listen-ports"] == '[{"HTTP": 80}]'
    assert not given.keys() & {"certificate-arn", "ssl-redirect", "ssl-policy"}


def test_a_firewall_can_be_given(tmp_path: Path) -> None:
    arn = "arn:aws:wafv2:eu-central-1:444455556666:regional/webacl/pictures/fedcba98"
    assert alb_annotations(written(tmp_path, WebAclArn=arn))["wafv2-acl-arn"] == arn


def test_a_long_name_is_cut_for_the_load_balancer(tmp_path: Path) -> None:
    given = alb_annotations(written(tmp_path, ClusterName="p" * 31 + "-ictures"))
    assert given["load-balancer-name"] == "p" * 31
    assert given["tags"] == f"ml-pipeline:deployment={'p' * 31}-ictures"


def test_the_same_values_give_the_same_text(tmp_path: Path) -> None:
    again = dict(reversed(VALUES.items()))
    assert overlay.documents(VALUES, IMAGES) == overlay.documents(again, IMAGES)
    overlay.write(tmp_path, VALUES, IMAGES)
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    (tmp_path / "older-configmap.yaml").touch()
    overlay.write(tmp_path, again, IMAGES)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == first


def test_the_deployments_folder_leads_to_the_repositorys_overlay() -> None:
    folder = Deployment("pictures", "eu-central-1").folder / "overlay"
    assert (ROOT / folder / overlay.BASE).resolve() == overlay.EKS
    assert overlay.BASE in overlay.documents(VALUES, IMAGES)["kustomization.yaml"]


@pytest.mark.parametrize("name", [name for name in VALUES if not name.endswith("Arn")])
def test_a_value_that_the_stack_does_not_tell_is_named(name: str) -> None:
    with pytest.raises(DeployError, match=f"tells no {name}; "):
        overlay.documents(VALUES | {name: ""}, IMAGES)


@pytest.mark.parametrize("image", ["", f"{REGISTRY}/trainer:1"])
def test_an_image_without_a_digest_is_named(image: str) -> None:
    with pytest.raises(DeployError, match="image of trainer has no digest"):
        overlay.documents(VALUES, IMAGES | {"trainer": image})
