"""From where a manifest says a credential is, to the credential itself; only at the moment it is needed."""

from __future__ import annotations

import os
from collections.abc import Mapping

from controller.domain.desired import Organization, SecretSource
from controller.domain.errors import SettingsInvalid
from controller.domain.redaction import Redactor


def resolve(source: SecretSource, what: str, environment: Mapping[str, str] | None = None) -> str:
    """The value behind an `env` or `file` source. Raises SettingsInvalid naming the source, never the value."""
    environment = os.environ if environment is None else environment
    if source.env is not None:
        value = environment.get(source.env, "").strip()
        if not value:
            lacks = "is empty" if source.env in environment else "is not set"
            raise SettingsInvalid(f"{what}: the environment variable {source.env} {lacks}", hint=f"set {source.env}")
        return value
    if source.file is None:
        raise SettingsInvalid(f"{what}: neither env nor file is given")
    try:
        value = source.file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsInvalid(f"{what}: cannot read {source.file}: {type(error).__name__}") from error
    if not value:
        raise SettingsInvalid(f"{what}: {source.file} is empty")
    return value


def client_credentials(organization: Organization, redactor: Redactor) -> tuple[str, str]:
    """Client id and secret of an organisation; the secret is masked from then on."""
    client_id = resolve(organization.credentials.client_id, f"{organization.name}: clientId")
    secret = resolve(organization.credentials.client_secret, f"{organization.name}: clientSecret")
    redactor.register(secret)
    return client_id, secret
