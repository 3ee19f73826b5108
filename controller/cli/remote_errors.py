"""Problem documents of a controller's API as our own errors: the same code, message, hint and exit code."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from types import ModuleType

import httpx
from pydantic import TypeAdapter, ValidationError

from controller.domain.errors import api, change, delivery, forge, manifest, organization, process, repository
from controller.domain.errors.api import ControllerUnavailable, ControllerUnusable
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.visible import visible


@dataclass(frozen=True, slots=True)
class _Problem:
    """What is read of a problem document (RFC 9457)."""

    detail: str
    code: str
    hint: str | None = None


_PROBLEM = TypeAdapter(_Problem)


def problem_of(origin: str, status: int, content: bytes) -> PenstockError:
    """The error that a response tells; ControllerUnavailable or ControllerUnusable where it is no problem document."""
    try:
        problem = _PROBLEM.validate_json(content)
    except ValidationError:
        said = f"{origin} answered {status} {httpx.codes.get_reason_phrase(status)}".rstrip()
        return ControllerUnavailable(said) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else ControllerUnusable(said)
    message, hint = visible(problem.detail), None if problem.hint is None else visible(problem.hint)
    leaf = _LEAVES.get(problem.code)
    if leaf is None:
        return ControllerUnusable(f"{origin} refused it ({status}, {visible(problem.code)}): {message}", hint=hint)
    return leaf.told(message, hint)


def _leaves(module: ModuleType) -> Iterator[type[PenstockError]]:
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, PenstockError) and kind.code != PenstockError.code:
            yield kind


_LEAVES = {
    leaf.code: leaf
    for module in (process, manifest, repository, delivery, organization, change, api, forge)
    for leaf in _leaves(module)
    if leaf is not ManifestInvalid
}
"""By code. The branches have none of their own, and a problem document has no mistakes of a manifest."""
