"""Git's credentials: passed through the environment of the git process only, never in an argument or a URL."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from controller.domain.addresses import is_loopback
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS

_HELPER = (
    "!f() { test \"$1\" = get && printf 'username=%s\\npassword=%s\\n' "
    '"$PENSTOCK_GIT_USERNAME" "$PENSTOCK_GIT_PASSWORD"; }; f'
)
"""A credential helper that reads the environment. Git asks it only for a host that demanded a login."""


@dataclass(frozen=True, slots=True)
class GitCredentials:
    """A token for HTTP(S) or a key file for SSH. Without either, git uses the user's own setup."""

    token: Callable[[], str] | None = field(default=None, repr=False)
    """Gives the token of the moment, which is masked from then on; asked for each call of the remote."""
    refused: Callable[[], None] = lambda: None
    """Called when the remote refused the login, so that the next call gets another token."""
    username: str = "x-access-token"
    """The user name for the token; GitHub takes any, GitLab `oauth2`, others the account's name."""
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    """The host keys to trust; by default the user's own. Unknown hosts are never accepted."""

    def environment(self, url: str) -> Mapping[str, str]:
        """Variables for git processes that talk to `url`; keys `config:NAME` are git settings.

        Raises SettingsInvalid when a token would travel unencrypted to another machine, or the key file is missing.
        """
        return {**self._for_http(url), **self._for_ssh()}

    def _for_http(self, url: str) -> dict[str, str]:
        if self.token is None:
            return {}
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            return {}
        if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            raise SettingsInvalid(f"a token would travel unencrypted to {parts.hostname}", hint="use https")
        token = self.token()
        SECRETS.register(token)
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        return {
            "config:credential.helper": "",
            f"config:credential.{origin}.helper": _HELPER,
            "PENSTOCK_GIT_USERNAME": self.username,
            "PENSTOCK_GIT_PASSWORD": token,
        }

    def _for_ssh(self) -> dict[str, str]:
        if self.ssh_key is None and self.known_hosts is None:
            return {}
        command = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
        if self.ssh_key is not None:
            if not self.ssh_key.is_file():
                raise SettingsInvalid(f"the SSH key file {self.ssh_key} does not exist")
            command += ["-i", str(self.ssh_key), "-o", "IdentitiesOnly=yes"]
        if self.known_hosts is not None:
            command += ["-o", f"UserKnownHostsFile={self.known_hosts}"]
        return {"GIT_SSH_COMMAND": shlex.join(command)}
