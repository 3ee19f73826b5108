"""`penstock trace`: why an execution went wrong."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from controller.cli.options import Format, TextOrJson

if TYPE_CHECKING:
    from controller.cli.trace_output import TraceStyle
    from controller.domain.traces import SnapshotRange

trace = typer.Typer(
    help="Find out why executions went wrong: executions, action, file; settings says what is recorded.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class TraceFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    HTML = "html"


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


class ActionFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    DOT = "dot"
    HTML = "html"


Folder = Annotated[Path, typer.Option("--folder", help="Folder of the manifests.", show_default=".")]
OneOrganization = Annotated[
    str | None, typer.Option("--organization", "-o", help="The organisation; needed when there are several.")
]
AsTrace = Annotated[TraceFormat, typer.Option("--format", "-f", help="text, json or html.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write to this file instead of stdout.")]
Masked = Annotated[
    list[str] | None, typer.Option("--mask", metavar="PATTERN", help="Mask variables with such names, too: '*phone*'.")
]
OnlyAnomalies = Annotated[bool, typer.Option("--anomalies-only", help="Leave out what has no anomaly.")]
Operator = Annotated[
    str | None, typer.Option("--operator", metavar="NAME", help="Who reads, for the audit log; the user by default.")
]
Snapshots = Annotated[
    list[str] | None,
    typer.Option("--snapshot", metavar="FIRST-LAST", help="The whole state after these steps, in JSON."),
]


@trace.command("executions")
def executions(
    folder: Folder = Path(),
    organization: OneOrganization = None,
    flow: Annotated[str | None, typer.Option("--flow", help="metadata.name, type/name, name or id.")] = None,
    version: Annotated[str | None, typer.Option("--version", help="Only this version of the flow.")] = None,
    conversation: Annotated[str | None, typer.Option("--conversation", help="Only this conversation.")] = None,
    session: Annotated[str | None, typer.Option("--session", help="Only this session (versioned dialect).")] = None,
    since: Annotated[str | None, typer.Option("--since", help="2026-08-10T14:50:00Z")] = None,
    until: Annotated[str | None, typer.Option("--until", help="2026-08-10T15:50:00Z; now by default.")] = None,
    last: Annotated[str | None, typer.Option("--last", help="90s, 15m, 2h, 7d; one hour by default.")] = None,
    tier: Annotated[
        str, typer.Option("--retention-tier", help="standard or enterprise (versioned dialect).")
    ] = "standard",
    execution: Annotated[str | None, typer.Option("--execution", metavar="ID", help="This execution alone.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", min=0, help="Read so many, failed ones and newest first; 0 only lists.")
    ] = 10,
    anomalies_only: OnlyAnomalies = False,
    mask: Masked = None,
    snapshot: Snapshots = None,
    output: AsTrace = TraceFormat.TEXT,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write to this file; for several HTML pages a folder.")
    ] = None,
    operator: Operator = None,
) -> int:
    """Show how executions went: their steps, variables and anomalies, and how many fail."""
    from controller.cli.executions import ExecutionsRequest, show_executions

    request = ExecutionsRequest(
        folder=folder,
        style=_style(output, mask, snapshot, anomalies_only, operator),
        organization=organization,
        flow=flow,
        version=version,
        conversation=conversation,
        session=session,
        since=since,
        until=until,
        last=last,
        tier=tier,
        execution=execution,
        limit=limit,
        out=out,
    )
    return show_executions(request)


@trace.command("action")
def action(
    flow: Annotated[str, typer.Argument(help="metadata.name, type/name, name or id.")],
    invocation: Annotated[str, typer.Option("--invocation", metavar="ID", help="The action's invocation.")],
    folder: Folder = Path(),
    organization: OneOrganization = None,
    depth: Annotated[int, typer.Option("--depth", help="Levels below the action: 1 to 50.")] = 10,
    capture_context: Annotated[
        bool, typer.Option("--capture-context/--no-capture-context", help="Record what surrounds each node.")
    ] = True,
    capture_data: Annotated[
        bool, typer.Option("--capture-data/--no-capture-data", help="Record what each node was given and gave.")
    ] = True,
    inputs: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=VALUE", help="A simulated input; JSON or text.")
    ] = None,
    timeout: Annotated[str, typer.Option("--timeout", help="How long to wait for the trace: 90s, 15m.")] = "5m",
    job: Annotated[
        str | None, typer.Option("--job", metavar="ID", help="Start nothing; wait for this job, started before.")
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option("--webhook", metavar="URL", help="Tell this receiver, signed with PENSTOCK_WEBHOOK_SECRET."),
    ] = None,
    mask: Masked = None,
    output: Annotated[
        ActionFormat, typer.Option("--format", "-f", help="text, json, dot or html.")
    ] = ActionFormat.TEXT,
    out: Out = None,
    operator: Operator = None,
) -> int:
    """Trace one action: what it led to, what took longest, what failed (versioned dialect)."""
    from controller.cli.action_traces import ActionTraceArguments, inputs_of, show_action
    from controller.cli.running import actor
    from controller.cli.times import span
    from controller.questions.action_trace import ActionQuestion

    question = ActionQuestion(
        flow=flow,
        invocation=invocation,
        depth=depth,
        capture_context=capture_context,
        capture_data=capture_data,
        inputs=inputs_of(inputs or ()),
        timeout_s=span(timeout, "--timeout").total_seconds(),
        job=job,
    )
    asked = ActionTraceArguments(
        folder,
        question,
        output.value,
        operator or actor(),
        organization=organization,
        patterns=tuple(mask or ()),
        webhook=webhook,
        out=out,
    )
    return show_action(asked)


@trace.command("file")
def file(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A downloaded execution file (JSON).")],
    anomalies_only: OnlyAnomalies = False,
    mask: Masked = None,
    snapshot: Snapshots = None,
    output: AsTrace = TraceFormat.TEXT,
    out: Out = None,
) -> None:
    """Analyse an execution file that was downloaded before; makes no call."""
    from controller.cli.executions import show_file

    show_file(path, _style(output, mask, snapshot, anomalies_only), out)


@trace.command("settings")
def settings(
    folder: Folder = Path(),
    organization: OneOrganization = None,
    flow: Annotated[str | None, typer.Option("--flow", help="metadata.name, type/name, name or id.")] = None,
    level: Annotated[
        str | None,
        typer.Option("--level", help="Set Disabled, Base, Notes, VerboseNotes, All; for --flow also default."),
    ] = None,
    execution_data: Annotated[
        Switch | None, typer.Option("--execution-data", help="Turn recording in the whole organisation on or off.")
    ] = None,
    output: Format = TextOrJson.TEXT,
) -> None:
    """Show what the organisation records of executions; change it only where an option says so (architect dialect)."""
    from controller.cli.recordings import show_settings
    from controller.questions.recording import RecordingWish

    wish = RecordingWish(flow, level, None if execution_data is None else execution_data is Switch.ON)
    show_settings(folder, organization, wish, as_json=output is TextOrJson.JSON)


def _style(
    output: TraceFormat,
    mask: list[str] | None,
    snapshot: list[str] | None,
    anomalies_only: bool,
    operator: str | None = None,
) -> TraceStyle:
    from controller.cli.running import actor
    from controller.cli.trace_output import TraceStyle

    ranges = tuple(_range(each) for each in snapshot or ())
    who = operator or actor()
    return TraceStyle(output.value, tuple(mask or ()), ranges, only_anomalies=anomalies_only, operator=who)


def _range(text: str) -> SnapshotRange:
    from controller.domain.errors import TraceRequestInvalid
    from controller.domain.traces import SnapshotRange

    first, _, last = text.partition("-")
    if not first.isdecimal() or not (last or first).isdecimal():
        raise TraceRequestInvalid(f"--snapshot {text!r} is no range of steps", hint="write 0-10, or 7")
    return SnapshotRange(int(first), int(last or first))
