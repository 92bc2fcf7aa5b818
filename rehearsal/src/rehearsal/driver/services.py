"""The services of a CSI driver on a node, and how the kubelet gets to know them.

https://github.com/container-storage-interface/spec/blob/master/csi.proto has Identity and Node;
k8s.io/kubelet's pkg/apis/pluginregistration/v1/api.proto has Registration.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import grpc

from rehearsal.driver import volumes, wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Answer = Callable[[bytes, grpc.ServicerContext], bytes]

NAME = "efs.csi.aws.com"
VERSION = "rehearsal"


def handlers(node: str, amazon: str, socket: str) -> list[grpc.GenericRpcHandler]:
    """All that the driver answers.

    Args:
        node: that it runs on.
        amazon: the URL of who knows the access points.
        socket: where Identity and Node are to be found.
    """

    def publish(message: bytes) -> bytes:
        request = volumes.Request.read(message)
        handle = volumes.check(request)
        volumes.publish(volumes.find(handle, request, amazon, node), request)
        _say(f"mounted {request.volume} at {request.target}")
        return b""

    def unpublish(message: bytes) -> bytes:
        target = wire.text(wire.decode(message), 2)
        volumes.unpublish(target)
        _say(f"unmounted {target}")
        return b""

    info = wire.encode((1, "CSIPlugin"), (2, NAME), (3, socket), (4, "1.0.0"))
    identity = {
        "GetPluginInfo": _always(wire.encode((1, NAME), (2, VERSION))),
        "GetPluginCapabilities": _always(b""),
        "Probe": _always(b""),
    }
    mounts = {
        "NodeGetInfo": _always(wire.encode((1, node))),
        "NodeGetCapabilities": _always(b""),
        "NodePublishVolume": _told(publish),
        "NodeUnpublishVolume": _told(unpublish),
    }
    registration = {"GetInfo": _always(info), "NotifyRegistrationStatus": _told(_registered)}
    return [
        _service("csi.v1.Identity", identity),
        _service("csi.v1.Node", mounts),
        _service("pluginregistration.Registration", registration),
    ]


def _registered(message: bytes) -> bytes:
    status = wire.decode(message)
    _say(f"registered: {bool(wire.whole(status, 1))} {wire.text(status, 2)}")
    return b""


def _always(answer: bytes) -> Answer:
    return lambda _message, _context: answer


def _told(action: Callable[[bytes], bytes]) -> Answer:
    """An action whose faults are gRPC's."""

    def answer(message: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            return action(message)
        except volumes.VolumeError as error:
            code, reason = error.code, str(error)
        except ValueError as error:
            code, reason = grpc.StatusCode.INVALID_ARGUMENT, str(error)
        except OSError as error:
            code, reason = grpc.StatusCode.INTERNAL, str(error)
        _say(f"refused: {reason}")
        return context.abort(code, reason)

    return answer


def _service(name: str, answers: Mapping[str, Answer]) -> grpc.GenericRpcHandler:
    methods: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        method: grpc.unary_unary_rpc_method_handler(answer) for method, answer in answers.items()
    }
    return grpc.method_handlers_generic_handler(name, methods)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
