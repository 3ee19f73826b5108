"""A controller's API and pages: the request, the person who sends it, and the command that asks a controller."""

from __future__ import annotations

from controller.domain.errors.branches import Invalid, Permanent, Refused, Transient, Waiting


class RequestInvalid(Invalid):
    """A request to the API has parameters or a body that it does not take, or a method that the path does not have."""


class UnknownResource(Invalid):
    """A path of the API names something that the controller does not know."""


class IdempotencyConflict(Refused):
    """A person's idempotency key was used before, for another request."""


class Unauthenticated(Refused):
    """The service does not know who asks: there is no credential, or it is wrong or expired."""


class Forbidden(Refused):
    """The person is known, and does not have the role that the request needs."""


class RequestForged(Refused):
    """A request came from a page of another site, or lacks the CSRF token of its session."""


class LoginFailed(Refused):
    """The OpenID provider's answer does not prove who the person is."""


class LoginUnavailable(Transient):
    """The OpenID provider does not answer, or its configuration is not the one that the operator names."""

    usual_hint = "check that the provider answers at PENSTOCK_OIDC_ISSUER, then log in again"


class TooManyRequests(Waiting):
    """An address sent too many wrong credentials, or began too many logins."""


class TooManyListeners(Waiting):
    """As many clients follow the events as the service lets in."""


class ControllerUnavailable(Transient):
    """A controller's API could not be reached, broke the connection off, or answered 5xx without a reason."""

    usual_hint = "check the address of --server and the network, then run it again"


class ControllerUnusable(Permanent):
    """What answers at the address of `--server` is no controller's API, or one of another version."""

    usual_hint = "check the address of --server, and that this command and the controller have the same version"
