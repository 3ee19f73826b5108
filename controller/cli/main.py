"""The `penstock` command: puts the commands together and turns errors into exit codes."""

from __future__ import annotations

import errno
import itertools
import sys

import typer

from controller import __version__
from controller.cli import exit_codes
from controller.cli.commands import COMMANDS
from controller.cli.sinks import mask_output

app = typer.Typer(
    name="penstock",
    help="The GitOps controller for Genesys Cloud flows.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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
    from controller.cli.logs import configure_logs

    # Nobody watches the service but through its log; the other commands print what they have to say.
    usual = "info" if context.invoked_subcommand == "run" else "warning"
    configure_logs(log_level or usual, log_format)


for _name, _command in COMMANDS.items():
    if isinstance(_command, typer.Typer):
        app.add_typer(_command, name=_name)
    else:
        app.command(_name)(_command)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process with its exit code (docs/reference/commands.md)."""
    mask_output()
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run the command line; returns the exit code instead of ending the process."""
    from controller.cli.failures import no_room, unread

    try:
        code = _outcome(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return unread()
    except SystemExit as ended:
        # The library's own answer to a broken pipe; nothing else ends so.
        if isinstance(ended.__context__, BrokenPipeError):
            return unread()
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return no_room(error)
    return code


def _outcome(arguments: list[str]) -> int:
    from controller.cli.failures import report_failure, usage_error
    from controller.domain.errors import PenstockError

    try:
        outcome = typer.main.get_command(app).main(
            args=arguments or ["--help"], prog_name="penstock", standalone_mode=False
        )
    except (typer.Abort, KeyboardInterrupt):
        print("penstock: interrupted", file=sys.stderr)
        return exit_codes.INTERRUPTED
    except typer.TyperException as error:
        return report_failure(usage_error(error), as_json=_asks_for_json(arguments))
    except PenstockError as error:
        return report_failure(error, as_json=_asks_for_json(arguments))
    return outcome if isinstance(outcome, int) else exit_codes.DONE


def _asks_for_json(arguments: list[str]) -> bool:
    """Whether the failed command line asked for `--format json`; its error is then JSON, too."""
    pairs = itertools.pairwise(arguments)
    return "--format=json" in arguments or any(pair in (("--format", "json"), ("-f", "json")) for pair in pairs)
