"""The key that signs sessions and CSRF tokens."""

from __future__ import annotations

import secrets

from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.reconcile.access_settings import AccessSettings
from controller.reconcile.credentials import operator_secret

VARIABLE = "PENSTOCK_SESSION_KEY"
_SHORTEST = 32


def session_key(settings: AccessSettings) -> bytes:
    """The operator's key, masked from then on; without one a random key, which no other process knows.

    Raises SettingsInvalid for one that can be guessed, or a source that cannot be used.
    """
    key = operator_secret(settings.session_key_file, VARIABLE, "the key of sessions")
    if key is None:
        key = secrets.token_urlsafe(_SHORTEST)
        SECRETS.register(key)
    if len(key) < _SHORTEST:
        raise SettingsInvalid(
            f"the key of sessions has {len(key)} characters, which can be guessed",
            hint=f"use at least {_SHORTEST} random characters, for example of `openssl rand -hex 32`",
        )
    return key.encode()
