from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from scenarios import ended, event, pod, status

from deploy.errors import DeployError, UnreachableError
from deploy.follow import Follower, Outcome, Waits, last_words
from deploy.kubectl import Kubectl

if TYPE_CHECKING:
    from scenarios import Cluster

AT_ONCE = Waits(look=0.0, tell=0.0, silence=60.0)
RUNNING: dict[str, Any] = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
DONE: dict[str, Any] = {"terminated": {"exitCode": 0}}


def follow(cluster: Cluster, waits: Waits = AT_ONCE) -> tuple[Outcome, list[str], list[str]]:
    shown: list[str] = []
    said: list[str] = []
    cluster.has("the-job")
    kubectl = Kubectl("kind-test", "ml-pipeline")
    follower = Follower(
        kubectl, "the-job", lambda each: shown.append(each.message), said.append, waits
    )
    return follower.follow(), shown, said


def moment(*pods: dict[str, Any], **of: Any) -> dict[str, Any]:  # noqa: ANN401 - as JSON has it
    return {"status": status(**of), "pods": list(pods)}


def test_each_line_is_shown_once_though_it_is_read_again(cluster: Cluster) -> None:
    moments = [moment(pod("a", **RUNNING)), moment(pod("a", **DONE), kind="Complete")]
    cluster.will(moments=moments, logs={"a": event(1, "one") + event(2, "two")})
    outcome, shown, said = follow(cluster)
    assert (outcome.fault, shown, said) == (None, ["one", "two"], [])


def test_a_broken_connection_is_taken_up_where_it_broke(cluster: Cluster) -> None:
    moments = [moment(pod("a", **RUNNING)), moment(pod("a", **DONE), kind="Complete")]
    cluster.will(moments=moments, logs={"a": event(7, "one")})
    follow(cluster)
    asked = [call[-1] for call in cluster.calls if "logs" in call]
    assert asked == ["--request-timeout=60s", "--since-time=2026-01-01T00:00:07.000000000Z"]


def test_why_a_pod_waits_is_told_and_each_reason_once(cluster: Cluster) -> None:
    unschedulable = pod("a")
    unschedulable["status"]["conditions"] = [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no cpu"}
    ]
    pulling = pod("a", waiting={"reason": "ErrImagePull", "message": "no\n such image"})
    waiting = pod("a", waiting={"reason": "ImagePullBackOff"})
    moments = [moment(each) for each in (unschedulable, pulling, waiting, pulling, waiting)]
    cluster.will(moments=[*moments, moment(pod("a", **DONE), kind="Complete")])
    assert follow(cluster)[2] == [
        "the-job waits: Unschedulable: no cpu",
        "the-job waits: ErrImagePull: no such image",
        "the-job waits: ImagePullBackOff",
    ]


def test_events_tell_why_there_is_no_pod(cluster: Cluster) -> None:
    events = [
        {"type": "Warning", "reason": "FailedCreate", "message": "violates PodSecurity"},
        {"type": "Normal", "reason": "SuccessfulCreate", "message": "at last"},
    ]
    moments = [moment(), moment(pod("a", **DONE), kind="Complete")]
    cluster.will(moments=moments, events=events)
    assert follow(cluster)[2] == ["the-job waits: FailedCreate: violates PodSecurity"]


def test_a_pod_that_starts_soon_is_nothing_to_tell(cluster: Cluster) -> None:
    creating = pod("a", waiting={"reason": "ContainerCreating"})
    cluster.will(moments=[moment(creating), moment(pod("a", **DONE), kind="Complete")])
    assert follow(cluster, Waits(look=0.0, tell=60.0))[2] == []


def test_another_try_is_told_and_followed(cluster: Cluster) -> None:
    first = pod("a", terminated={"exitCode": 75, "reason": "Error"})
    moments = [moment(first), moment(first), moment(first, pod("b", **DONE), kind="Complete")]
    cluster.will(moments=moments, logs={"a": event(1, "no disk"), "b": event(2, "well")})
    outcome, shown, said = follow(cluster)
    assert (outcome.fault, shown) == (None, ["no disk", "well"])
    told = "try 1 failed, network, server or volume; another try may succeed (exit code 75)"
    assert said == [f"the-job waits: {told}; another one follows"]


@pytest.mark.parametrize(
    ("scenario", "fault"),
    [
        (ended(3, ""), "bad data (exit code 3)"),
        (ended(4, ""), "the exported model failed its check (exit code 4)"),
        (ended(1, "", reason="Error"), "Error (exit code 1)"),
        (
            ended(137, "", reason="OOMKilled"),
            "killed, for it took more memory than its limit",
        ),
        (
            {
                "moments": [
                    moment(kind="Failed", reason="BackoffLimitExceeded", message="too often")
                ]
            },
            "BackoffLimitExceeded: too often",
        ),
    ],
)
def test_why_a_job_failed(cluster: Cluster, scenario: dict[str, Any], fault: str) -> None:
    cluster.will(**scenario)
    assert follow(cluster)[0].fault == fault


def test_a_job_that_failed_is_not_waited_for_though_its_pod_s_end_is_unknown(
    cluster: Cluster,
) -> None:
    lost = moment(pod("a", **RUNNING), kind="Failed", reason="BackoffLimitExceeded")
    cluster.will(moments=[lost], logs={"a": event(1, "one")})
    outcome, shown, _ = follow(cluster)
    assert (outcome.fault, shown) == ("BackoffLimitExceeded", ["one"])


def test_a_job_that_was_removed(cluster: Cluster) -> None:
    cluster.will(moments=[moment()])
    with pytest.raises(DeployError, match="was removed before its end was seen"):
        Follower(Kubectl("kind-test", "x"), "gone", print, print, AT_ONCE).follow()


def test_a_cluster_that_is_away_for_a_moment(cluster: Cluster) -> None:
    cluster.will(**ended(0, event(1, "one")), down=3)
    assert follow(cluster)[1] == ["one"]


def test_it_may_be_away_while_it_is_asked_why_a_pod_waits(cluster: Cluster) -> None:
    moments = [moment(), moment(pod("a", **DONE), kind="Complete")]
    cluster.will(moments=moments, **{"no-events": 3})
    assert follow(cluster)[2] == ["the-job waits: its pod is being started"]


def test_a_cluster_that_stays_away(cluster: Cluster) -> None:
    cluster.will(down=1_000)
    with pytest.raises(UnreachableError, match="does not answer"):
        follow(cluster, Waits(look=0.0, silence=0.0))


def test_the_last_words_are_the_last_error_s(cluster: Cluster) -> None:
    log = event(1, "one") + event(2, "disk full", "error") + event(3, "goodbye")
    cluster.will(**ended(75, log))
    assert last_words(follow(cluster)[0]) == "disk full"
    assert last_words(Outcome("fault", ())) == "it logged nothing"
