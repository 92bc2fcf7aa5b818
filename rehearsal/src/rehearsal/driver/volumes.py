"""Volumes of a node: what is asked for, whether it may be had, and the mounts."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import grpc

from rehearsal.driver import wire

SHARED = Path("/var/lib/ml-pipeline")  # the same folder on every node
SECONDS = 30
# csi.proto: SINGLE_NODE_WRITER and MULTI_NODE_MULTI_WRITER are what the real driver takes.
MODES = {1, 5}
# What efs-utils knows of, as far as a deployment can want it; more is refused, not ignored.
OPTIONS = {"tls", "iam", "noresvport", "ro", "rw"}
_FILE_SYSTEM = re.compile(r"fs-[0-9a-f]{8,40}")
_ACCESS_POINT = re.compile(r"fsap-[0-9a-f]{8,40}")


class VolumeError(Exception):
    """A volume cannot be had.

    Attributes:
        code: that gRPC gives with the reason.
    """

    def __init__(self, code: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


@dataclass(frozen=True, slots=True)
class Request:
    """NodePublishVolumeRequest, as far as it matters here.

    Attributes:
        volume: the handle of the volume.
        target: the folder to mount it at, in the kubelet's folder.
        mode: of access, a number of csi.proto; 0 when none is told.
        options: of the mount; None when no file system is asked for, but a block device.
        context: the volume's attributes.
    """

    volume: str
    target: str
    mode: int
    options: tuple[str, ...] | None
    readonly: bool
    context: dict[str, str]

    @classmethod
    def read(cls, message: bytes) -> Request:
        """As it comes over the wire."""
        values = wire.decode(message)
        capability = wire.nested(values, 5) or {}
        mount = wire.nested(capability, 2)
        return cls(
            volume=wire.text(values, 1),
            target=wire.text(values, 4),
            mode=wire.whole(wire.nested(capability, 3) or {}, 1),
            options=None if mount is None else wire.texts(mount, 2),
            readonly=bool(wire.whole(values, 6)),
            context=wire.pairs(values, 8),
        )


@dataclass(frozen=True, slots=True)
class Handle:
    """Which volume is meant: `{file system}:{path}:{access point}`, the last two may be empty."""

    file_system: str
    path: str
    access_point: str


@dataclass(frozen=True, slots=True)
class AccessPoint:
    """A folder of a file system, and who owns it when it is made.

    Attributes:
        permissions: octal; empty when it is not to be made.
    """

    file_system: str
    path: str
    uid: int
    gid: int
    permissions: str


def check(request: Request) -> Handle:
    """What is meant, if the real driver would go on to mount it.

    Raises:
        VolumeError: it would not.
    """
    if not request.target:
        raise _invalid("Target path not provided")
    if request.mode not in MODES:
        raise _invalid(f"Volume capability not supported: invalid access mode: {request.mode}")
    if request.options is None:
        raise _invalid("Volume capability access type must be mount")
    for key, value in request.context.items():
        if key.lower() == "encryptintransit" and value.lower() != "true":
            raise _invalid("Found tls in mountOptions but encryptInTransit is false")
        if key.lower() not in {"encryptintransit", "storage.kubernetes.io/csiprovisioneridentity"}:
            raise _invalid(f"Volume context property {key} not supported.")
    return parse(request.volume)


def parse(volume: str) -> Handle:
    """Reads a handle.

    Raises:
        VolumeError: it is none.
    """
    file_system, *rest = volume.removeprefix("efs:").split(":")
    if len(rest) > 2:  # noqa: PLR2004 - the path and the access point
        reason = "Expected at most three fields separated by ':'"
        raise _invalid(f"volume ID '{volume}' is invalid: {reason}")
    if not _FILE_SYSTEM.fullmatch(file_system):
        reason = "Expected a file system ID of the form 'fs-[0-9a-f]{8,40}'"
        raise _invalid(f"volume ID '{volume}' is invalid: {reason}")
    path, access_point = [*rest, "", ""][:2]
    if access_point and not _ACCESS_POINT.fullmatch(access_point):
        reason = "Expected it to be of the form 'fsap-[0-9a-f]{8,40}'"
        fault = f"volume ID '{volume}' has an invalid access point ID '{access_point}': {reason}"
        raise _invalid(fault)
    return Handle(file_system, path, access_point)


def find(handle: Handle, request: Request, amazon: str, node: str) -> AccessPoint:
    """The access point of a volume, as Amazon knows it.

    Args:
        handle: which volume is meant.
        request: what was asked for.
        amazon: the URL of who knows the access points.
        node: that mounts the volume.

    Raises:
        VolumeError: there is none, or it may not be mounted.
    """
    unknown = set(request.options or ()) - OPTIONS
    if unknown:
        raise _failed(handle, request, f"unknown options: {','.join(sorted(unknown))}")
    if "iam" not in (request.options or ()):
        raise _failed(handle, request, "mount.nfs4: access denied by server: not asked for by IAM")
    if not handle.access_point or handle.path.strip("/"):
        raise _failed(handle, request, "a rehearsal mounts access points alone, no paths")
    url = f"{amazon}/{handle.file_system}/{handle.access_point}?node={node}"
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:  # noqa: S310 - it is http
            return AccessPoint(**json.load(answer))
    except urllib.error.HTTPError as error:
        raise _failed(handle, request, error.read().decode(errors="replace").strip()) from error
    except OSError as error:
        raise _failed(handle, request, f"the file system does not answer ({error})") from error


def publish(point: AccessPoint, request: Request) -> None:
    """Mounts an access point's folder, which is made if it is not there.

    Raises:
        VolumeError: that fails.
    """
    folder = SHARED / point.file_system / point.path.strip("/")
    target = Path(request.target)
    if not folder.is_dir():
        if not point.permissions:
            raise VolumeError(
                grpc.StatusCode.INTERNAL, f"{point.path}: No such file or directory on the server"
            )
        owner = ("-o", str(point.uid), "-g", str(point.gid))
        _run("install", "-d", "-m", point.permissions, *owner, str(folder))
    target.mkdir(parents=True, exist_ok=True)
    if is_mounted(request.target):
        return
    _run("mount", "--bind", str(folder), str(target))
    if request.readonly or "ro" in (request.options or ()):
        _run("mount", "-o", "remount,bind,ro", str(target))


def unpublish(target: str) -> None:
    """Unmounts a folder and removes it; there may be nothing to do.

    Raises:
        VolumeError: that fails.
    """
    if not target:
        raise _invalid("Target path not provided")
    if is_mounted(target):
        _run("umount", target)
    if Path(target).is_dir():
        Path(target).rmdir()


def is_mounted(target: str) -> bool:
    """Whether something is mounted at a folder; os.path.ismount does not see bind mounts."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return target in {line.split()[4] for line in lines}  # proc_pid_mountinfo(5)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise VolumeError(grpc.StatusCode.INTERNAL, f"{' '.join(command)}: {done.stderr.strip()}")


def _invalid(reason: str) -> VolumeError:
    return VolumeError(grpc.StatusCode.INVALID_ARGUMENT, reason)


def _failed(handle: Handle, request: Request, reason: str) -> VolumeError:
    source = f"{handle.file_system}:{handle.path or '/'}"
    return VolumeError(
        grpc.StatusCode.INTERNAL, f'Could not mount "{source}" at "{request.target}": {reason}'
    )
