"""What the Tiltfile declares for the kind cluster."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from declarations import ROOT, SERVICES
from rendering import LOCAL, render
from tiltfile import CONTEXT, TiltfileError, evaluate

if TYPE_CHECKING:
    from tiltfile import Recording

WORKLOADS = {"Job", "Deployment", "Service"}  # which Tilt puts together itself


@pytest.fixture(scope="module")
def kubernetes() -> Recording:
    return evaluate({})


def test_only_the_cluster_of_this_repository_is_allowed(kubernetes: Recording) -> None:
    _, cluster = yaml.safe_load_all((ROOT / "k8s/cluster.yaml").read_bytes())
    assert kubernetes.settings["contexts"] == [cluster["name"]] == [CONTEXT]


@pytest.mark.parametrize("context", ["", "kind-kind", "production"])
def test_another_cluster_is_refused_in_one_line_with_the_remedy(context: str) -> None:
    with pytest.raises(TiltfileError, match=f"(?s)^.*{context}.*$") as refusal:
        evaluate({}, context)
    assert f"kubectl config use-context {CONTEXT}" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_every_object_is_part_of_one_resource(kubernetes: Recording) -> None:
    chosen = [each for resource in kubernetes.resources for each in resource.objects]
    there = [selector(each) for each in kubernetes.objects if each["kind"] not in WORKLOADS]
    assert sorted(chosen) == sorted(there)
    workloads = sorted(
        each["metadata"]["name"]
        for each in kubernetes.objects
        if each["kind"] in WORKLOADS - {"Service"}
    )
    assert sorted(filter(None, (each.workload for each in kubernetes.resources))) == workloads


def selector(each: dict[str, Any]) -> str:
    return f"{each['metadata']['name']}:{each['kind']}"


def test_services_come_after_what_they_need(kubernetes: Recording) -> None:
    for name in SERVICES:
        assert kubernetes.before(name) >= {"namespace", "settings", "volumes", "volume-folders"}


def test_only_training_waits_for_a_click(kubernetes: Recording) -> None:
    assert [each.name for each in kubernetes.resources if each.manual] == ["trainer"]


def test_page_and_model_server_are_reached_at_ports_that_can_be_chosen() -> None:
    chosen = evaluate({}, environment={"FRONTEND_PORT": "3001", "INFERENCE_PORT": "5001"})
    for declared, offset in ((evaluate({}), 0), (chosen, 1)):
        assert declared.resource("frontend").ports == {3000 + offset: 3000}
        assert declared.resource("inference").ports == {5000 + offset: 5000}


def test_the_overlay_s_images_are_those_that_are_built(kubernetes: Recording) -> None:
    used = {
        container["image"].partition(":")[0]
        for pod in pods(kubernetes.objects).values()
        for container in [*pod.get("initContainers", []), *pod["containers"]]
    }
    assert used == {each.ref for each in kubernetes.images}
    for image in kubernetes.images:
        stages = re.findall(
            r"^FROM .* AS (\w+)$", (image.context / "Dockerfile").read_text(), re.MULTILINE
        )
        assert image.target in {*stages, ""}


def test_what_images_are_built_of_can_be_chosen_as_for_compose(kubernetes: Recording) -> None:
    composed = yaml.safe_load((ROOT / "compose.yaml").read_bytes())["services"]
    others = {"NGINX_IMAGE", "REVISION", "VERSION"}  # of the page's last stage, and for labels
    names = {"EXTRAS", "NODE_IMAGE", "PYTHON_IMAGE"}
    environment = {name: f"my/{name}" for name in names | others}
    assert {name for each in SERVICES for name in composed[each]["build"]["args"]} == set(
        environment
    )
    for image in evaluate({}, environment=environment).images:
        taken = set(composed[image.context.name]["build"]["args"]) - others
        assert image.build_args == {name: f"my/{name}" for name in taken}
    for declared in (kubernetes, evaluate({}, environment=dict.fromkeys(environment, ""))):
        assert [each.build_args for each in declared.images] == [{}] * len(SERVICES)


def test_files_are_synced_into_volumes_that_a_copy_of_the_image_s_fills(
    kubernetes: Recording,
) -> None:
    for image in kubernetes.images:
        (pod,) = (
            each
            for each in pods(kubernetes.objects).values()
            if each["containers"][0]["image"].startswith(f"{image.ref}:")
        )
        mounts = pod["containers"][0]["volumeMounts"]
        writable = {each["mountPath"] for each in mounts if each["name"] == "sources"}
        assert {remote for _, remote in image.synced()} == writable
        if writable:
            assert [each["image"] for each in pod["initContainers"]] == [
                pod["containers"][0]["image"]
            ]
            assert {"name": "sources", "emptyDir": {"medium": "Memory"}} in pod["volumes"]


def test_the_development_pods_may_no_more_than_the_production_ones(kubernetes: Recording) -> None:
    production = pods(render(LOCAL))
    for name, pod in pods(kubernetes.objects).items():
        (expected,) = (each["securityContext"] for each in production[name]["containers"])
        assert pod["securityContext"] == production[name]["securityContext"]
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["securityContext"] == expected


def pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The product's pods, by the names of their workloads."""
    return {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in objects
        if each["kind"] in {"Job", "Deployment"} and each["metadata"]["namespace"] == "ml-pipeline"
    }


def test_the_volumes_folders_are_made_in_every_node(kubernetes: Recording, tmp_path: Path) -> None:
    install(tmp_path / "kubectl", 'case "$*" in *"get nodes"*) printf "plane worker";; esac')
    install(tmp_path / "docker", f'shift; echo "$1" >> {tmp_path}/nodes; shift; "$@"')
    install(tmp_path / "install", f'echo "$@" >> {tmp_path}/folders')
    command = str(kubernetes.resource("volume-folders").command)
    in_tree = command.replace("cd /var/lib/ml-pipeline", "cd /")
    path = f"{tmp_path}:{os.environ['PATH']}"
    subprocess.run(["/bin/sh", "-c", in_tree], env={"PATH": path}, check=True)
    assert (tmp_path / "nodes").read_text().split() == ["plane", "worker"]
    volumes = [each for each in kubernetes.objects if each["kind"] == "PersistentVolume"]
    paths = [Path(each["spec"]["hostPath"]["path"]) for each in volumes]
    assert command.count(str(paths[0].parent)) == 1
    options, *_ = (tmp_path / "folders").read_text().splitlines()
    assert set(options.split()) >= {path.name for path in paths} | {"10001"}


def test_a_cluster_that_does_not_answer_fails(kubernetes: Recording, tmp_path: Path) -> None:
    install(tmp_path / "kubectl", "exit 1")
    command = str(kubernetes.resource("volume-folders").command)
    path = f"{tmp_path}:{os.environ['PATH']}"
    assert (
        subprocess.run(["/bin/sh", "-c", command], env={"PATH": path}, check=False).returncode == 1
    )


def install(program: Path, script: str) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
