"""Reads a secret from the file that an operator or a manifest names; the value is in no message."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from controller.domain.errors.process import SettingsInvalid

LARGEST_FILE = 64 * 1024
"""Bytes; a credential is far smaller."""


def secret_in_file(file: Path, what: str) -> str:
    """The text of the file without blanks around it. Raises SettingsInvalid that names `what` and the file."""
    try:
        value = _content(file, what).decode("utf-8").strip()
    except OSError as error:
        raise SettingsInvalid(f"{what}: cannot read {file}: {error.strerror or type(error).__name__}") from error
    except ValueError as error:
        raise SettingsInvalid(f"{what}: {file} is not text in UTF-8") from error
    if not value:
        raise SettingsInvalid(f"{what}: {file} is empty")
    return value


def _content(file: Path, what: str) -> bytes:
    """The bytes of a regular file. It is opened without blocking, because a pipe could block without end."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise SettingsInvalid(f"{what}: {file} is not a regular file")
        with open(descriptor, "rb", closefd=False) as opened:
            content = opened.read(LARGEST_FILE + 1)
    finally:
        os.close(descriptor)
    if len(content) > LARGEST_FILE:
        raise SettingsInvalid(f"{what}: {file} is larger than {LARGEST_FILE // 1024} KiB, which no credential is")
    return content
