"""The `penstock` command: parses the command line and turns errors into exit codes."""

from __future__ import annotations

import errno
import gc
import itertools
import logging
import os
import sys
from collections.abc import MutableMapping
from typing import Any

import typer

from controller import __version__
from controller.cli import exit_codes
from controller.cli.commands import Commands
from controller.cli.failures import no_room, report_failure, stdout_closed, usage_error
from controller.cli.output import mask_output
from controller.domain.errors.branches import PenstockError
from controller.domain.redaction import SECRETS

_OBJECTS_BEFORE_COLLECTION = 50_000
"""Python's own 700 is for small heaps: a command has hundreds of thousands of objects, and makes little garbage."""

app = typer.Typer(
    name="penstock",
    cls=Commands,
    help="The GitOps controller for Genesys Cloud flows.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"penstock {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    _show_version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    log_level: str | None = typer.Option(
        None, "--log-level", envvar="PENSTOCK_LOG_LEVEL", help="debug, info (run), warning (all others) or error."
    ),
    log_format: str = typer.Option("auto", "--log-format", envvar="PENSTOCK_LOG_FORMAT", help="auto, text or json."),
) -> None:
    # The service is watched only through its log; the other commands print what they have to say.
    usual = "info" if context.invoked_subcommand == "run" else "warning"
    configure_logs(log_level or usual, log_format)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code (docs/reference/commands.md)."""
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some reads every installed package
    mask_output()
    try:
        code = run(sys.argv[1:] if arguments is None else arguments)
    finally:
        # At its end the interpreter looks for garbage among all objects, more than once: a quarter of a plan's time.
        gc.freeze()
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run the command line; returns the exit code instead of ending the process."""
    try:
        code = _run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return stdout_closed()
    except SystemExit as ended:
        # Typer answers a broken pipe by ending the process; nothing else here does.
        if isinstance(ended.__context__, BrokenPipeError):
            return stdout_closed()
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return no_room(error)
    return code


def _run(arguments: list[str]) -> int:
    try:
        code = typer.main.get_command(app).main(
            args=arguments or ["--help"], prog_name="penstock", standalone_mode=False
        )
    except (typer.Abort, KeyboardInterrupt):
        print("penstock: interrupted", file=sys.stderr)
        return exit_codes.INTERRUPTED
    except typer.TyperException as error:
        return report_failure(usage_error(error), as_json=_asks_for_json(arguments))
    except PenstockError as error:
        return report_failure(error, as_json=_asks_for_json(arguments))
    return code if isinstance(code, int) else exit_codes.DONE


def _asks_for_json(arguments: list[str]) -> bool:
    """Whether the failed command line asked for `--format json`; its error is then JSON, too."""
    pairs = itertools.pairwise(arguments)
    return "--format=json" in arguments or any(pair in (("--format", "json"), ("-f", "json")) for pair in pairs)


def configure_logs(level: str, form: str) -> None:
    """Log events of this level to stderr, never mixed with a command's output, with secrets masked.

    `form` is `text`, `json` or `auto` (text on a terminal, JSON elsewhere).
    """
    import structlog  # `--help` and `--version` log nothing

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
