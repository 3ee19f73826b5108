"""The keys that may sign commits, as the operator names them, and the variables with which git knows no others."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import RepositoryFailed
from controller.domain.redaction import SECRETS

SSH_SETTING: Final = "PENSTOCK_COMMIT_SIGNERS"
OPENPGP_SETTING: Final = "PENSTOCK_COMMIT_KEYRING"
_NOTHING: Final = "false"
"""The program in place of one that has no keys: no signature is right by it."""
_TIMEOUT_S: Final = 60.0
_GPG_SETTINGS: Final = "no-autostart\ndisable-dirmngr\n"
"""To check a signature gpg needs neither its agent nor the network."""


@dataclass(frozen=True, slots=True)
class Signers:
    """At least one of the two is set; both are absolute paths."""

    ssh: Path | None = None
    """A file of allowed signers, as `ssh-keygen` documents it (ALLOWED SIGNERS)."""
    openpgp: Path | None = None
    """A file with exported public keys, or a folder of such files."""

    @property
    def settings(self) -> str:
        """The settings that name them, for people."""
        named = {SSH_SETTING: self.ssh, OPENPGP_SETTING: self.openpgp}
        return " or ".join(setting for setting, path in named.items() if path is not None)


@contextmanager
def only_keys_of(signers: Signers, repository: Path) -> Iterator[Mapping[str, str]]:
    """Variables for a git process that checks signatures with these keys alone; the keys are read each time.

    `repository` is the folder whose commits are checked. Raises SettingsInvalid where keys cannot be read or lie in
    it, and RepositoryFailed where a program is missing.
    """
    environment = {
        # No keyring of the user, no program and no level of trust of a configuration file counts.
        "config:gpg.program": _NOTHING,
        "config:gpg.x509.program": _NOTHING,
        "config:gpg.ssh.program": _NOTHING,
        "config:gpg.ssh.allowedSignersFile": os.devnull,
        "config:gpg.minTrustLevel": "undefined",
    }
    if signers.ssh is not None:
        _require_outside(SSH_SETTING, signers.ssh, repository)
        _require_readable(signers.ssh)
        program = _program("ssh-keygen", "openssh-client")
        environment |= {"config:gpg.ssh.program": program, "config:gpg.ssh.allowedSignersFile": str(signers.ssh)}
    if signers.openpgp is None:
        yield environment
        return
    _require_outside(OPENPGP_SETTING, signers.openpgp, repository)
    program = _program("gpg", "gnupg")
    with tempfile.TemporaryDirectory(prefix="penstock-") as home:
        _import(program, _key_files(signers.openpgp), Path(home))
        yield environment | {"config:gpg.program": program, "GNUPGHOME": home}


def _require_outside(setting: str, path: Path, repository: Path) -> None:
    if path.resolve().is_relative_to(repository.resolve()):
        raise SettingsInvalid(
            f"{setting}: {path} lies in the repository, whose commits would then choose their own signers",
            hint="keep the keys outside of it",
        )


def _require_readable(path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise _unreadable(SSH_SETTING, path, error) from error


def _key_files(path: Path) -> list[Path]:
    """The file, or the files of the folder. A mounted Secret has its real files in a hidden folder."""
    try:
        if not path.is_dir():
            return [path]
        found = sorted(each for each in path.iterdir() if not each.name.startswith(".") and each.is_file())
    except OSError as error:
        raise _unreadable(OPENPGP_SETTING, path, error) from error
    if not found:
        hint = "export keys into it: gpg --armor --export KEY > FILE"
        raise SettingsInvalid(f"{OPENPGP_SETTING}: {path} holds no file", hint=hint)
    return found


def _import(program: str, files: list[Path], home: Path) -> None:
    """Import the keys into an empty keyring. Thus a key that the operator removes no longer counts."""
    (home / "gpg.conf").write_text(_GPG_SETTINGS, encoding="ascii")
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "GNUPGHOME": str(home)}
    command = [program, "--batch", "--quiet", "--no-tty", "--import", "--", *map(str, files)]
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RepositoryFailed(f"gpg did not import {OPENPGP_SETTING} within {_TIMEOUT_S:g} s") from error
    if done.returncode != 0:
        said = SECRETS.text("; ".join(done.stderr.decode("utf-8", "replace").split("\n")[:3]).strip("; "))
        hint = "put exported public keys there, and nothing else: gpg --armor --export KEY > FILE"
        raise SettingsInvalid(f"{OPENPGP_SETTING}: gpg cannot import every file: {said}", hint=hint)


def _program(name: str, package: str) -> str:
    """The full path of a program. Raises RepositoryFailed where it is missing."""
    found = shutil.which(name)
    if found is None:
        raise RepositoryFailed(f"{name} was not found, and commits are verified with it", hint=f"install {package}")
    return found


def _unreadable(setting: str, path: Path, error: OSError) -> SettingsInvalid:
    why = error.strerror or type(error).__name__
    return SettingsInvalid(f"{setting}: {path} cannot be read: {why}", hint="check the path and its permissions")
