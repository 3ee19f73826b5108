"""A call to a forge: GitHub, GitLab or Gitea."""

from __future__ import annotations

from controller.domain.errors.branches import BY_THE_SERVICE, Permanent, Transient, Waiting


class ForgeLimited(Waiting):
    """The forge's request limit is used up: the hourly one, or one against too many requests at once."""

    usual_hint = "wait; another program may use the same token"


class ForgeUnavailable(Transient):
    """The forge could not be reached, answered 5xx, or sent something that is not an answer of its API."""

    usual_hint = "check the forge's address and the network, then run it again" + BY_THE_SERVICE

    def __init__(self, message: str, *, uncertain: bool = False, hint: str | None = None) -> None:
        """`uncertain` is whether a write was sent and its response was lost: read before any repetition."""
        super().__init__(message, hint=hint)
        self.uncertain = uncertain


class ForgeRejected(Permanent):
    """The forge rejected a request (4xx), or a value cannot be sent to it."""

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None) -> None:
        """`status` is the HTTP status; None where the request was never sent."""
        super().__init__(message, hint=hint)
        self.status = status


class ForgeTooLarge(ForgeRejected):
    """The forge has more pages or bytes of something than are read, or a comment is longer than it takes."""


class ForgeLoginFailed(ForgeRejected):
    """The forge does not accept the token, or the app's key."""


class ForgePermissionMissing(ForgeRejected):
    """The token lacks a permission; `permission` names it in the forge's words."""

    def __init__(self, message: str, *, permission: str, status: int | None = 403, hint: str | None = None) -> None:
        super().__init__(message, status=status, hint=hint)
        self.permission = permission


class ForgeNotFound(ForgeRejected):
    """The repository, pull request, commit or comment does not exist, or the token may not see it."""

    def __init__(self, message: str, *, of_repository: bool, status: int | None = 404, hint: str | None = None) -> None:
        """`of_repository` is whether the repository itself is missing, and not something in it."""
        super().__init__(message, status=status, hint=hint)
        self.of_repository = of_repository
