"""Reads credentials from the sources that manifests name, only when they are needed.

Manifests name credentials, and operators decide which names are allowed: a pull request could otherwise send any
variable or file of the controller to the host that answers as the organisation.
"""

from __future__ import annotations

import errno
import os
from fnmatch import fnmatchcase
from pathlib import Path

from controller.domain.desired import Organization, SecretSource
from controller.domain.errors.manifest import CredentialNotAllowed
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.reconcile.secret_files import secret_in_file
from controller.reconcile.settings import Settings

_OWN_PREFIX = "PENSTOCK_"
_NEVER_BELOW = tuple(map(Path, ("/proc", "/dev", "/sys")))
_NEVER_IN = "serviceaccount"
"""The folder of the tokens that the cluster, or its cloud, gives to the controller's pod."""


def client_credentials(organization: Organization, settings: Settings) -> tuple[str, str]:
    """Client id and secret of an organisation, masked from then on. May block: call it off the event loop.

    Raises CredentialNotAllowed for a name that the operator does not allow, and SettingsInvalid for an unusable source;
    both name the source and never the value.
    """
    credentials, found = organization.credentials, []
    for key, source in (("clientId", credentials.client_id), ("clientSecret", credentials.client_secret)):
        what = f"{organization.name}: {key}"
        _require_allowed(source, what, settings)
        found.append(read_secret(source, what))
    client_id, secret = found
    SECRETS.register_client(client_id, secret)
    return client_id, secret


def read_secret(source: SecretSource, what: str) -> str:
    """The value behind an `env` or `file` source. Raises SettingsInvalid naming the source, never the value."""
    if source.env is not None:
        value = os.environ.get(source.env, "").strip()
        if not value:
            lacks = "is empty" if source.env in os.environ else "is not set"
            raise SettingsInvalid(f"{what}: the environment variable {source.env} {lacks}", hint=f"set {source.env}")
        return value
    if source.file is None:
        raise SettingsInvalid(f"{what}: neither env nor file is given")
    return secret_in_file(source.file, what)


def operator_secret(file: Path | None, variable: str, what: str) -> str | None:
    """The secret from the file, else from the variable, masked from then on; None when neither is set.

    Raises SettingsInvalid when the setting leads to no usable secret.
    """
    if file is None and variable not in os.environ:
        return None
    secret = read_secret(SecretSource(env=variable) if file is None else SecretSource(file=file), what)
    SECRETS.register(secret)
    return secret


def _require_allowed(source: SecretSource, what: str, settings: Settings) -> None:
    if source.env is not None:
        _require_variable(source.env, what, settings.credential_variables)
    elif source.file is not None:
        _require_file(source.file, what, settings.credential_folders)


def _require_variable(name: str, what: str, patterns: tuple[str, ...]) -> None:
    if name.startswith(_OWN_PREFIX):
        raise CredentialNotAllowed(
            f"{what}: the environment variable {name} is a setting of Penstock, which no manifest may name",
            hint="put the credential into a variable of its own, such as GENESYS_CLIENT_SECRET",
        )
    if not any(fnmatchcase(name, pattern) for pattern in patterns):
        allowed = ", ".join(patterns) or "none"
        raise CredentialNotAllowed(
            f"{what}: manifests may not name the environment variable {name}; the operator allows {allowed}",
            hint=f"rename it, or have the operator add {name} to PENSTOCK_CREDENTIAL_VARIABLES",
        )


def _require_file(file: Path, what: str, folders: tuple[Path, ...]) -> None:
    """Check that the file is below a listed folder, and the target of its links as well."""
    shown = os.pathsep.join(map(str, folders)) or "none"
    hint = f"have the operator add its folder to PENSTOCK_CREDENTIAL_FOLDERS ({shown})"
    if not any(file.is_relative_to(folder) for folder in folders):
        raise CredentialNotAllowed(f"{what}: manifests may not name the file {file}", hint=hint)
    _refuse_surroundings(file, what)
    try:
        target = Path(os.path.realpath(file, strict=True))
    except OSError as error:
        name = errno.errorcode.get(error.errno or 0, "")
        raise SettingsInvalid(f"{what}: cannot read {file}: {error.strerror or name}") from error
    if not any(target.is_relative_to(folder) for folder in map(os.path.realpath, folders)):
        raise CredentialNotAllowed(f"{what}: {file} leads to {target}, which manifests may not name", hint=hint)
    _refuse_surroundings(target, what)


def _refuse_surroundings(file: Path, what: str) -> None:
    """Refuse places that the operator cannot allow."""
    if any(file.is_relative_to(folder) for folder in _NEVER_BELOW):
        raise CredentialNotAllowed(
            f"{what}: {file} belongs to the operating system, and no manifest may name it",
            hint="put the credential into a file of its own",
        )
    if _NEVER_IN in file.parts:
        raise CredentialNotAllowed(
            f"{what}: {file} belongs to the pod's own service account, and no manifest may name it",
            hint="mount the credential as a secret of its own",
        )
