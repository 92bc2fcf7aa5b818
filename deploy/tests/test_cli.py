from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scenarios import ended, event, status

from deploy import cli, jobs, kubectl, upload
from deploy.errors import UnreachableError
from deploy.follow import Follower

if TYPE_CHECKING:
    from scenarios import Cluster

    from deploy.follow import Outcome

PUBLISHED = event(1, "version 4 of classifier is published: /src/model/classifier/4")
MODEL_COMMANDS = [["list"], ["rollback"], ["rollback", "3"], ["prune", "--keep", "2"]]


def trainer(job: dict[str, Any]) -> dict[str, Any]:
    return jobs.trainer(job)


def test_a_training_is_a_new_job_and_never_the_overlay_s_own(cluster: Cluster) -> None:
    cluster.will(**ended(0, PUBLISHED))
    answer = cluster.run("train")
    assert answer.returncode == 0
    assert list(cluster.jobs) == ["ml-training-job-2"]
    assert "version 4 of classifier is published" in answer.stdout
    assert "http://localhost:3000 shows it within 5 s" in answer.stderr
    assert "./noxw -s kind -- rollback" in answer.stderr


def test_a_later_one_is_a_new_job_with_what_was_asked_for(cluster: Cluster) -> None:
    cluster.has("ml-training-job-4", image="registry/trainer:tilt")
    cluster.will(**ended(0, PUBLISHED))
    answer = cluster.run("train", "--data=flowers", "--retrain", "--set=EPOCHS=40", "--set=SEED=1")
    made = trainer(cluster.jobs["ml-training-job-5"])
    assert answer.returncode == 0
    assert made["args"] == ["run", "--data", "flowers", "--retrain"]
    assert {"name": "EPOCHS", "value": "40"} in made["env"]
    assert {"name": "SEED", "value": "1"} in made["env"]
    assert made["image"] == "registry/trainer:tilt"


def test_a_name_that_others_take_at_this_moment_is_left_to_them(cluster: Cluster) -> None:
    cluster.has("ml-training-job")
    cluster.will(**ended(0, ""), races=2)
    assert cluster.run("train", "--image=mine:1").returncode == 0
    numbers = sorted(number for name in cluster.jobs if (number := jobs.run_number(name)))
    assert numbers == [1, 2, 3, 4]


def test_a_failed_training_tells_why(cluster: Cluster) -> None:
    cluster.will(**ended(3, event(1, "starting") + event(2, "no images at all", "error")))
    answer = cluster.run("train")
    assert answer.returncode == 1
    assert "starting" in answer.stdout
    told = "deploy: ml-training-job-2 failed, bad data (exit code 3): no images at all"
    assert answer.stderr.splitlines()[-1] == told


def test_without_following_it_tells_how_to(cluster: Cluster) -> None:
    cluster.will(moments=[])
    answer = cluster.run("train", "--no-follow")
    assert answer.returncode == 0
    assert answer.stderr.splitlines()[-1].endswith("logs --follow job/ml-training-job-2")


@pytest.mark.skipif(sys.platform != "linux", reason="a node's tar and find are GNU's")
def test_a_folder_of_this_machine_is_copied_first(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "photos/cats").mkdir(parents=True)
    (tmp_path / "photos/cats/1.jpg").touch()
    cluster.will(**ended(0, PUBLISHED))
    assert cluster.run("train", "--data=photos", cwd=tmp_path).returncode == 0
    made = trainer(cluster.jobs["ml-training-job-2"])
    *others, given = made["args"]
    assert others == ["run", "--data"]
    assert re.fullmatch(r"/src/data/uploads/[0-9a-f]{8}/photos", given)
    below = Path(given).relative_to("/src")
    assert Path(f"{cluster.state}/the-node/var/lib/ml-pipeline", below, "cats/1.jpg").exists()


def test_a_copy_that_a_training_reads_is_not_replaced(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "photos.zip").touch()
    given = upload.plan(tmp_path / "photos.zip").pod_path
    cluster.has("ml-training-job-3", args=["run", "--data", given], ended=False)
    cluster.will(**ended(0, PUBLISHED))
    answer = cluster.run("train", f"--data={tmp_path}/photos.zip")
    assert answer.returncode == 75
    line = "kubectl --context kind-test --namespace ml-pipeline delete job ml-training-job-3"
    assert answer.stderr.strip().endswith(line)
    assert not (cluster.state / "the-node").exists()
    cluster.has("ml-training-job-3", args=["run", "--data", given])
    assert cluster.run("train", f"--data={tmp_path}/photos.zip").returncode == 0


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("http://192.168.1.5:8000/x.zip", "192.168.1.5:8000"),
        ("https://user:secret@10.0.0.1/x.zip", "10.0.0.1"),
        ("http://localhost/x.zip", "localhost"),
        ("http://[2606:4700::1111]/x.zip", "2606:4700::1111"),
        ("http://example.com:8080/x.zip?token=secret", "example.com:8080"),
    ],
)
def test_a_url_that_no_training_reaches(cluster: Cluster, url: str, place: str) -> None:
    cluster.will(**ended(0, PUBLISHED))
    answer = cluster.run("train", f"--data={url}")
    assert answer.returncode == 2
    assert f"cannot reach {place}: the cluster's NetworkPolicy" in answer.stderr
    assert "secret" not in answer.stderr
    assert cluster.jobs == {}


def test_a_training_that_took_too_long_goes_on(cluster: Cluster) -> None:
    failed = status("Failed", reason="DeadlineExceeded")
    cluster.will(moments=[{"status": failed, "pods": []}])
    answer = cluster.run("train")
    assert answer.returncode == 1
    assert "(the same command without --retrain goes on from its last epoch)" in answer.stderr


def test_a_training_whose_cluster_goes_away_goes_on(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cluster.will(**ended(0, PUBLISHED))

    def give_up(_: Follower) -> Outcome:
        raise UnreachableError("the cluster does not answer")

    monkeypatch.setattr(Follower, "follow", give_up)
    assert cli.main(cluster.command("train")[3:]) == 75
    line = "kubectl --context kind-test --namespace ml-pipeline logs --follow job/ml-training-job-2"
    told = f"ml-training-job-2 goes on; to see its log again: {line}\n"
    assert capsys.readouterr().err.endswith(f"{told}deploy: the cluster does not answer\n")


def test_it_is_not_copied_elsewhere(cluster: Cluster, tmp_path: Path) -> None:
    cluster.will()
    (tmp_path / "1.jpg").touch()
    answer = cluster.run("train", f"--data={tmp_path}", "--context=production")
    assert answer.returncode == 2
    assert "into kind clusters only, which production is not" in answer.stderr


@pytest.mark.parametrize("command", MODEL_COMMANDS)
def test_a_model_command_is_a_job_that_is_removed(cluster: Cluster, command: list[str]) -> None:
    cluster.will(**ended(0, "2026-01-01T00:00:00.000000000Z *    3  digits\n" + event(1, "moved")))
    answer = cluster.run(*command)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "*    3  digits\n", "moved\n")
    assert cluster.jobs == {}


def test_its_failure_is_told_once(cluster: Cluster) -> None:
    cluster.will(**ended(2, event(1, "there is no version 9", "error")))
    answer = cluster.run("rollback", "9")
    told = "rollback failed, bad usage or settings (exit code 2): there is no version 9"
    assert (answer.returncode, answer.stdout, answer.stderr) == (1, "", f"deploy: {told}\n")
    assert cluster.jobs == {}


def test_break_runs_the_drill(cluster: Cluster) -> None:
    cluster.will(**ended(0, event(1, "next, to mend it: ./noxw -s kind -- rollback 3")))
    answer = cluster.run("break")
    assert answer.returncode == 0
    assert "rollback 3" in answer.stderr


def test_settings_that_are_not_applied_are_told_before_anything_is_made(cluster: Cluster) -> None:
    cluster.will(configmaps=[])
    answer = cluster.run("train")
    assert answer.returncode == 2
    assert "lacks the ConfigMap ml-pipeline-settings-km5tc5fmc4" in answer.stderr
    assert "kubectl --context kind-test apply -k" in answer.stderr
    assert cluster.jobs == {}


def test_a_cluster_that_does_not_answer(cluster: Cluster) -> None:
    cluster.will(down=1_000)
    answer = cluster.run("list")
    assert answer.returncode == 75
    assert answer.stderr.startswith("deploy: the cluster of context kind-test does not answer")


def test_a_context_that_is_not_there(cluster: Cluster) -> None:
    cluster.will()
    answer = cluster.run("list", "--context=kind-else")
    assert answer.returncode == 2
    assert "there is no such context; `kubectl config get-contexts` shows" in answer.stderr


@pytest.mark.parametrize("arguments", [["list"], ["train"]])
def test_when_nobody_reads_on_it_is_done_all_the_same(
    cluster: Cluster, arguments: list[str]
) -> None:
    cluster.will(**ended(0, "2026-01-01T00:00:00.000000000Z *    3  digits\n" * 3))
    with subprocess.Popen(
        cluster.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        (process.stdout or sys.stdin).close()
        told = process.stderr.read() if process.stderr else ""
    assert "Error" not in told
    assert process.returncode == 0


def test_the_page_is_where_the_environment_has_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.will(**ended(0, PUBLISHED))
    monkeypatch.setenv("FRONTEND_PORT", "3001")
    assert "http://localhost:3001 shows it" in cluster.run("train").stderr


def test_without_kubectl(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(cluster.state))
    answer = cluster.run("list")
    assert answer.returncode == 2
    assert answer.stderr.startswith("deploy: kubectl: cannot be started")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["train", "--set", "EPOCH=4"], "--set EPOCH: there is no such setting, but DATASET,"),
        (["train", "--set", "EPOCHS"], "'EPOCHS' is no setting; write NAME=VALUE"),
        (["train", "--data", "nothing-here"], "no file or folder at"),
        (["train", "--overlay", "/"], "--overlay /: unable to find one of"),
        (["rollback", "last"], "'last' is no whole number from 1 on"),
        (["prune"], "the following arguments are required: --keep"),
        (["prune", "--keep", "0"], "'0' is no whole number"),
        (["train", "--dat", "digits"], "unrecognized arguments: --dat digits"),
    ],
)
def test_bad_usage_is_one_line(cluster: Cluster, arguments: list[str], told: str) -> None:
    cluster.will()
    answer = cluster.run(*arguments)
    assert answer.returncode == 2
    assert told in answer.stderr
    assert answer.stderr.count("\n") == 1


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="it renders with kubectl")
@pytest.mark.parametrize("name", ["dev", "local"])
def test_the_overlays_have_what_is_needed(name: str) -> None:
    manifests = kubectl.render(Path(__file__).parents[2] / "k8s/overlays" / name)
    job = jobs.find_training_job(manifests)
    assert jobs.trainer(job)["image"]
    assert jobs.config_maps(job)
