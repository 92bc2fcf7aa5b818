"""What can go wrong, each kind with the exit code that the command line ends with."""

from __future__ import annotations

from typing import ClassVar


class TrainerError(Exception):
    """A fault that is told to the user in one line: what it is about, and what to do."""

    exit_code: ClassVar[int]


class SettingsError(TrainerError):
    """A setting or an argument cannot be used."""

    exit_code = 2


class DataError(TrainerError):
    """The images, an archive, a manifest or a prepared dataset cannot be used."""

    exit_code = 3


class CheckError(TrainerError):
    """The exported model does not answer as the trained one does; nothing was published."""

    exit_code = 4


class TemporaryError(TrainerError):
    """The network, a server or a volume failed in a way that another try may mend."""

    exit_code = 75
