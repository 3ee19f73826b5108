"""Where the token of a call comes from, and the header that carries it."""

from __future__ import annotations

from typing import Protocol

from controller.domain.redaction import SECRETS
from controller.forges.port import ForgeKind


class ForgeTokens(Protocol):
    """The tokens of one account."""

    async def token(self) -> str:
        """A token that is valid now. Raises the errors of the port."""

    def refuse(self, token: str) -> bool:
        """Take note that the forge refused this token (401); returns whether `token` can give another one."""

    @property
    def of_an_app(self) -> bool:
        """Whether the tokens are those of a GitHub App's installation, which alone may write check runs."""

    async def login(self) -> str | None:
        """The login of the account, if the source of the tokens knows it."""


class StaticToken:
    """A token that the operator gave. It is masked everywhere from now on."""

    def __init__(self, value: str) -> None:
        self._value = value
        SECRETS.register(value)

    async def token(self) -> str:
        return self._value

    def refuse(self, token: str) -> bool:
        return token != self._value

    @property
    def of_an_app(self) -> bool:
        """GitHub's tokens of installations, also that of GitHub Actions, begin with `ghs_`."""
        return self._value.startswith("ghs_")

    async def login(self) -> str | None:
        return None


def authorization(kind: ForgeKind, token: str) -> dict[str, str]:
    """The header that carries the token."""
    match kind:
        case ForgeKind.GITHUB:
            return {"Authorization": f"Bearer {token}"}
        case ForgeKind.GITLAB:
            return {"PRIVATE-TOKEN": token}
        case ForgeKind.GITEA:
            return {"Authorization": f"token {token}"}
