"""Logs are events on stderr, never mixed with a command's output; secrets are masked on the way."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import typer

from controller.domain.redaction import SECRETS

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logs(level: str, form: str) -> None:
    """Set the level and the form (`auto`: text on a terminal, JSON elsewhere)."""
    import structlog  # imports rich for its tracebacks, and `--help` and `--version` log nothing

    if level not in _LEVELS:
        raise typer.BadParameter(f"{level!r} is none of {', '.join(_LEVELS)}", param_hint="--log-level")
    if form not in ("auto", "text", "json"):
        raise typer.BadParameter(f"{form!r} is none of auto, text, json", param_hint="--log-format")
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer() if as_text else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _mask,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )


def _mask(_logger: object, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: SECRETS.value(value, key) for key, value in event.items()}
