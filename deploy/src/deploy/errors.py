"""What can go wrong, each kind with the exit code that the command line ends with."""

from __future__ import annotations

from typing import ClassVar


class DeployError(Exception):
    """A fault that is told to the user in one line: what it is about, and what to do."""

    exit_code: ClassVar[int] = 1


class UsageError(DeployError):
    """An argument, a setting or this machine does not allow what was asked for."""

    exit_code = 2


class NotAllowedError(DeployError):
    """The credentials are valid, and do not allow it."""

    exit_code = 2


class UnreachableError(DeployError):
    """The cluster does not answer."""

    exit_code = 75


class DataInUseError(DeployError):
    """A training reads what would be replaced."""

    exit_code = 75


class NameTakenError(DeployError):
    """Another object has this name already."""
