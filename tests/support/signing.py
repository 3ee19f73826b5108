"""Real keys of ssh-keygen and gpg that sign commits, for one test module."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.repository.site import GIT

LONG_AGO = "20200101T000000"


class Keys:
    """Keys by name; `sign` commits with one of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._gpg_environment = {**os.environ, "GNUPGHOME": str(folder / "gnupg"), "LC_ALL": "C"}
        (folder / "gnupg").mkdir(mode=0o700)
        self._old_gpg = folder / "old-gpg"
        self._old_gpg.write_text(f'#!/bin/sh\nexec gpg --faked-system-time {LONG_AGO} "$@"\n')
        self._old_gpg.chmod(0o755)

    def ssh(self, name: str) -> str:
        """Make an SSH key; the public line."""
        private = self.folder / name
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(private))
        return private.with_suffix(".pub").read_text().strip()

    def ssh_fingerprint(self, name: str) -> str:
        return _run("ssh-keygen", "-l", "-f", str(self.folder / f"{name}.pub")).split()[1]

    def openpgp(self, name: str, *, expired: bool = False) -> None:
        """Make an OpenPGP key; an expired one was valid for a day, long ago."""
        old = ("--faked-system-time", LONG_AGO) if expired else ()
        make = ("--quick-generate-key", f"{name} <{name}@example.com>", "ed25519", "sign", "1d" if expired else "never")
        self._gpg(*old, "--passphrase", "", *make)

    def fingerprint(self, name: str) -> str:
        lines = self._gpg("--list-keys", "--with-colons", f"{name}@example.com").splitlines()
        return next(line.split(":")[9] for line in lines if line.startswith("fpr"))

    def revoke(self, name: str) -> None:
        """Import the revocation that gpg made with the key."""
        made = self.folder / "gnupg" / "openpgp-revocs.d" / f"{self.fingerprint(name)}.rev"
        usable = self.folder / f"{name}.rev"
        usable.write_text(made.read_text().replace("\n:-----BEGIN", "\n-----BEGIN"))
        self._gpg("--import", str(usable))

    def exported(self, *names: str) -> str:
        """The public keys in armour."""
        return self._gpg("--armor", "--export", *(f"{name}@example.com" for name in names))

    def sign(self, folder: Path, key: str | None, message: str = "change", *, old: bool = False) -> str:
        """Commit all of the work tree, signed with the SSH or OpenPGP key, or unsigned; the commit's id.

        `old` signs with the clock of LONG_AGO.
        """
        words = [GIT, "-c", "user.name=Person", "-c", "user.email=person@example.com"]
        words += [part for setting in self.settings(key, old=old).items() for part in ("-c", "=".join(setting))]
        signed = ("--no-gpg-sign",) if key is None else ("--gpg-sign",)
        _run(*words, "add", "--all", at=folder)
        options = ("--quiet", "--allow-empty", *signed, "--message", message)
        _run(*words, "commit", *options, at=folder, environment=self._gpg_environment)
        return _run(GIT, "rev-parse", "HEAD", at=folder).strip()

    def settings(self, key: str | None, *, old: bool = False) -> dict[str, str]:
        """The git settings of a person who signs with the key."""
        if key is None:
            return {}
        if (self.folder / key).is_file():
            return {"gpg.format": "ssh", "user.signingkey": str(self.folder / key)}
        program = {"gpg.program": str(self._old_gpg)} if old else {}
        return {"gpg.format": "openpgp", "user.signingkey": f"{key}@example.com", **program}

    def end(self) -> None:
        """End the agent that gpg started."""
        _run("gpgconf", "--kill", "all", environment=self._gpg_environment)

    def _gpg(self, *words: str) -> str:
        return _run("gpg", "--batch", "--quiet", "--yes", *words, environment=self._gpg_environment)


@contextmanager
def made_keys() -> Iterator[Keys]:
    """Keys in a folder of their own; skips where gpg or ssh-keygen is missing, except in CI.

    The folder's path is short, because gpg's agent listens on a socket in it.
    """
    if os.environ.get("CI") != "true" and not all(map(shutil.which, ("gpg", "ssh-keygen"))):
        pytest.skip("gpg or ssh-keygen is not installed")
    with tempfile.TemporaryDirectory(prefix="keys-", dir="/tmp") as folder:
        keys = Keys(Path(folder))
        try:
            yield keys
        finally:
            keys.end()


def altered(folder: Path, sha: str) -> str:
    """The commit with another message and the same signature, as a new object; its id."""
    raw = subprocess.run([GIT, "cat-file", "commit", sha], cwd=folder, check=True, capture_output=True).stdout
    words = [GIT, "hash-object", "-t", "commit", "-w", "--stdin"]
    made = subprocess.run(words, cwd=folder, check=True, capture_output=True, input=raw + b"and more\n")
    return made.stdout.decode().strip()


def _run(*command: str, at: Path | None = None, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=at, env=environment, check=True, capture_output=True, text=True, timeout=60)
    return done.stdout
