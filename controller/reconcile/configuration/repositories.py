"""The settings of each repository: those of the process, with what the configuration says of the repository."""

from __future__ import annotations

import os
from pathlib import Path

from controller.domain.errors.process import SettingsInvalid
from controller.reconcile.configuration.document import ConfigurationShape
from controller.reconcile.configuration.fields import SecretReferenceShape
from controller.reconcile.configuration.repository_shape import (
    ForgeShape,
    GitAccessShape,
    GitHubAppShape,
    RepositoryShape,
)
from controller.reconcile.settings import Settings

_NOTHING: dict[str, object] = {
    "repository_url": None,
    "branch": None,
    "manifests": ".",
    "organizations": (),
    "git_token_file": None,
    "git_token_variable": "",
    "git_username": "x-access-token",
    "git_ssh_key": None,
    "git_known_hosts": None,
    "git_app_id": None,
    "git_app_key_file": None,
    "git_app_installation": None,
    "forge": None,
    "forge_url": None,
    "forge_repository": None,
    "forge_token_file": None,
    "forge_token_variable": "",
    "forge_app_id": None,
    "forge_app_key_file": None,
    "forge_app_installation": None,
    "approvals": None,
    "commit_signers": None,
    "commit_keyring": None,
    "incoming_webhook_secret_file": None,
    "incoming_webhook_secret_variable": "",
}
"""The settings that belong to one repository, as they are where the configuration does not mention them."""
_VARIABLES = ("git_token", "forge_token", "incoming_webhook_secret")
"""Further variables of one repository, which hold a secret and are no settings."""


def repository_settings(settings: Settings, configuration: ConfigurationShape) -> dict[str, Settings]:
    """The settings of each repository by its name, in the order of the file; empty where the file names none.

    Raises SettingsInvalid where variables describe a repository, too.
    """
    if not configuration.repositories:
        return {}
    given = [f"PENSTOCK_{name.upper()}" for name in (*_NOTHING, *_VARIABLES)]
    twice = [name for name in given if os.environ.get(name)]
    if twice:
        raise SettingsInvalid(
            f"{settings.config} names the repositories, and so does {', '.join(twice)}",
            hint="unset it: what is of one repository belongs into the file",
        )
    return {each.name: _of(settings, each) for each in configuration.repositories}


def _of(settings: Settings, repository: RepositoryShape) -> Settings:
    return settings.model_copy(
        update={
            **_NOTHING,
            "repository_url": repository.url,
            "branch": repository.branch,
            "manifests": repository.path,
            "organizations": repository.organizations,
            "commit_signers": _path(repository.commit_signers),
            "commit_keyring": _path(repository.commit_keyring),
            **_secret("incoming_webhook_secret", repository.webhook_secret),
            **_manifests_credentials(repository),
            **_git(repository.credentials),
            **_forge(repository.forge),
        }
    )


def _manifests_credentials(repository: RepositoryShape) -> dict[str, object]:
    found: dict[str, object] = {}
    if repository.credential_variables is not None:
        found["credential_variables"] = repository.credential_variables
    if repository.credential_folders is not None:
        found["credential_folders"] = tuple(map(Path, repository.credential_folders))
    return found


def _git(access: GitAccessShape | None) -> dict[str, object]:
    if access is None:
        return {}
    return {
        **_secret("git_token", access.token),
        **_app("git", access.github_app),
        **({} if access.username is None else {"git_username": access.username}),
        "git_ssh_key": _path(access.ssh_key),
        "git_known_hosts": _path(access.known_hosts),
    }


def _forge(forge: ForgeShape | None) -> dict[str, object]:
    if forge is None:
        return {}
    return {
        "forge": forge.kind,
        "forge_url": forge.url,
        "forge_repository": forge.repository,
        "approvals": forge.approvals,
        **_secret("forge_token", forge.token),
        **_app("forge", forge.app),
    }


def _secret(name: str, reference: SecretReferenceShape | None) -> dict[str, object]:
    if reference is None:
        return {}
    return {f"{name}_file": _path(reference.file), f"{name}_variable": reference.env or ""}


def _app(prefix: str, app: GitHubAppShape | None) -> dict[str, object]:
    if app is None:
        return {}
    found = {"id": app.id, "key_file": Path(app.key), "installation": app.installation}
    return {f"{prefix}_app_{name}": value for name, value in found.items()}


def _path(value: str | None) -> Path | None:
    return None if value is None else Path(value)
