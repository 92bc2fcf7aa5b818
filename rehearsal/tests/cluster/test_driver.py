from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import grpc
import pytest

from rehearsal import access_points
from rehearsal.access_points import AccessPoints
from rehearsal.driver import services, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cluster_fixtures import Amazon

    Ask = Callable[[str, bytes], bytes]

pytest_plugins = ["cluster_fixtures"]

REGION = "us-west-2"
WRITERS = 5  # MULTI_NODE_MULTI_WRITER
PUBLISH = "/csi.v1.Node/NodePublishVolume"


@pytest.fixture
def points(amazon: Amazon, tmp_path: Path) -> AccessPoints:
    zones = {"near": f"{REGION}a", "far": f"{REGION}c"}
    return AccessPoints(amazon.efs, zones, tmp_path / "refusal")


@pytest.fixture(params=["near"])
def ask(request: pytest.FixtureRequest, points: AccessPoints, tmp_path: Path) -> Iterator[Ask]:
    """Asks the driver as a kubelet does."""
    socket = tmp_path / "csi.sock"
    server = grpc.server(ThreadPoolExecutor(2))
    with access_points.serve(points, "127.0.0.1") as url:
        server.add_generic_rpc_handlers(services.handlers(request.param, url, str(socket)))
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        with grpc.insecure_channel(f"unix:{socket}") as channel:

            def call(method: str, message: bytes) -> bytes:
                asked: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(method)
                return asked(message)

            yield call
        server.stop(None).wait()


def publishing(
    volume: str,
    *,
    target: str = "/target",
    options: tuple[str, ...] = ("tls", "iam"),
    mode: int = WRITERS,
    context: tuple[tuple[str, str], ...] = (),
) -> bytes:
    mount = wire.encode(*((2, each) for each in options))
    capability = wire.encode((2, mount), (3, wire.encode((1, mode))))
    entries = ((8, wire.encode((1, key), (2, value))) for key, value in context)
    return wire.encode((1, volume), (4, target), (5, capability), *entries)


def refusal(ask: Ask, message: bytes) -> str:
    with pytest.raises(grpc.RpcError) as caught:
        ask(PUBLISH, message)
    return f"{caught.value.code().name}: {caught.value.details()}"


def test_the_kubelet_gets_to_know_it(ask: Ask, tmp_path: Path) -> None:
    info = wire.decode(ask("/pluginregistration.Registration/GetInfo", b""))
    assert wire.text(info, 1) == "CSIPlugin"
    assert wire.text(info, 2) == "efs.csi.aws.com"
    assert wire.text(info, 3) == str(tmp_path / "csi.sock")
    assert wire.texts(info, 4) == ("1.0.0",)
    told = wire.encode((1, True))
    assert ask("/pluginregistration.Registration/NotifyRegistrationStatus", told) == b""
    name = wire.decode(ask("/csi.v1.Identity/GetPluginInfo", b""))
    assert wire.text(name, 1) == "efs.csi.aws.com"
    assert wire.text(wire.decode(ask("/csi.v1.Node/NodeGetInfo", b"")), 1) == "near"


@pytest.mark.parametrize(
    ("volume", "reason"),
    [
        ("", "Expected a file system ID of the form"),
        ("fs-xyz::fsap-12345678", "Expected a file system ID of the form"),
        ("fs-12345678::12345678", "has an invalid access point ID"),
        ("fs-12345678::fsap-12345678:", "at most three fields"),
    ],
)
def test_handles_that_cannot_be_read_are_refused(ask: Ask, volume: str, reason: str) -> None:
    told = refusal(ask, publishing(volume))
    assert told.startswith("INVALID_ARGUMENT: ")
    assert reason in told


def test_what_the_real_driver_does_not_take_is_refused(ask: Ask) -> None:
    handle = "fs-12345678::fsap-12345678"
    assert "Target path" in refusal(ask, publishing(handle, target=""))
    assert "invalid access mode" in refusal(ask, publishing(handle, mode=3))
    block = wire.encode((1, handle), (4, "/t"), (5, wire.encode((3, wire.encode((1, 5))))))
    assert "must be mount" in refusal(ask, block)
    context = (("path", "/x"),)
    assert "path not supported" in refusal(ask, publishing(handle, context=context))
    context = (("encryptInTransit", "false"),)
    assert "encryptInTransit is false" in refusal(ask, publishing(handle, context=context))
    assert "INVALID_ARGUMENT" in refusal(ask, b"\x08")


def test_file_systems_that_amazon_does_not_know_are_refused(ask: Ask) -> None:
    told = refusal(ask, publishing("fs-12345678::fsap-12345678"))
    assert told.startswith(
        'INTERNAL: Could not mount "fs-12345678:/" at "/target": Failed to resolve'
    )


def test_access_points_that_amazon_does_not_know_are_refused(ask: Ask, amazon: Amazon) -> None:
    name, _ = amazon.make_access_point()
    _, another = amazon.make_access_point()
    for point in ("fsap-12345678", another):
        assert "access denied by server" in refusal(ask, publishing(f"{name}::{point}"))


def test_options_are_checked(ask: Ask, amazon: Amazon) -> None:
    handle = "::".join(amazon.make_access_point())
    assert "not asked for by IAM" in refusal(ask, publishing(handle, options=("tls",)))
    told = refusal(ask, publishing(handle, options=("tls", "iam", "hard")))
    assert "unknown options: hard" in told
    assert "no paths" in refusal(ask, publishing(handle.replace("::", ":/x:")))


@pytest.mark.parametrize("ask", ["far"], indirect=True)
def test_a_zone_without_a_mount_target_is_refused(ask: Ask, amazon: Amazon) -> None:
    handle = "::".join(amazon.make_access_point())
    assert "no mount target in us-west-2c" in refusal(ask, publishing(handle))


def test_it_refuses_on_request(ask: Ask, amazon: Amazon, points: AccessPoints) -> None:
    handle = "::".join(amazon.make_access_point())
    points.refusal.write_text("it burns")
    assert "it burns" in refusal(ask, publishing(handle))


def test_an_access_point_tells_its_folder_and_its_owner(
    amazon: Amazon, points: AccessPoints
) -> None:
    name, point = amazon.make_access_point()
    assert points.find(name, point, "near") == {
        "file_system": name,
        "path": "/model",
        "uid": 10001,
        "gid": 10001,
        "permissions": "0750",
    }


def test_what_is_not_mounted_is_unmounted(ask: Ask, tmp_path: Path) -> None:
    target = tmp_path / "mount"
    target.mkdir()
    for _ in range(2):
        ask("/csi.v1.Node/NodeUnpublishVolume", wire.encode((1, "x"), (2, str(target))))
        assert not target.exists()
