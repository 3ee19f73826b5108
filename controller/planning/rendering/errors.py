"""Renders why there is no plan, as Markdown for a comment on a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from controller.domain.errors import ManifestInvalid, Mistake, PenstockError
from controller.domain.redaction import SECRETS
from controller.domain.wording import advised
from controller.planning.rendering.escaping import code, escape
from controller.planning.rendering.fitting import Block, Part, fitted
from controller.planning.rendering.markdown import TITLE

_MISTAKE = (5,)
_REASON = (9,)


def error_markdown(
    errors: Sequence[tuple[str | None, PenstockError]] | Sequence[tuple[str, PenstockError]], limit: int
) -> str:
    """The reasons, each with its organisation where it is about one; empty without errors.

    Every mistake of the manifests is listed with file, line and column. Too long a text loses mistakes from its end,
    and says how many.
    """
    if not errors:
        return ""
    blocks = [Block([Part(f"{_heading(name)}\n\n", _REASON, "line"), *_lines(error)]) for name, error in errors]
    return TITLE + fitted(blocks, limit - len(TITLE), _notice).rstrip("\n") + "\n"


def _heading(organization: str | None) -> str:
    of = f" for <b>{escape(organization)}</b>" if organization else ""
    return f"**There is no plan{of}.**"


def _lines(error: PenstockError) -> Iterator[Part]:
    if isinstance(error, ManifestInvalid):
        yield from (Part(f"- {_mistake(each)}\n", _MISTAKE, "mistake") for each in error.mistakes)
        return
    message = advised(error.message, error.hint)
    yield Part(f"- {escape(SECRETS.text(message))} ({code(error.code)})\n", _REASON, "reason")


def _mistake(mistake: Mistake) -> str:
    message = advised(mistake.message, mistake.hint)
    return f"<b>{escape(str(mistake.origin))}</b>: {escape(SECRETS.text(message))}"


def _notice(left_out: str) -> str:
    return f"> Shortened to fit a comment: {left_out} left out. `penstock validate` lists all.\n\n"
