"""`penstock trace action`: one action, shown, and sent to a receiver."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.commands.trace.options import Mask, Operator
from controller.cli.moments import span
from controller.cli.options import FolderOption, OneOrganization, Out
from controller.cli.output import output_to, warn
from controller.cli.progress_bars import progress_bar
from controller.cli.running import answer, opened_services
from controller.cli.workspace import actor, only_organization
from controller.diagnosis.action.analysis import ActionAnalysis
from controller.diagnosis.action.document import action_report
from controller.diagnosis.action.exports import action_dot
from controller.diagnosis.action.waterfall import waterfall
from controller.diagnosis.nested import strict_json
from controller.domain.desired import Organization
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import SettingsInvalid
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.questions.action_trace import ActionQuestion, TraceWebhook, trace_action
from controller.questions.trace_audit import ACTION, TraceAudit
from controller.reconcile.services import Services
from controller.reconcile.settings import load_settings
from controller.reconcile.workspace import open_folder


class ActionFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    DOT = "dot"
    HTML = "html"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOptions:
    """The command line of `penstock trace action`."""

    flow: Annotated[str, typer.Argument(help="metadata.name, type/name, name or id.")]
    invocation: Annotated[str, typer.Option("--invocation", metavar="ID", help="The action's invocation.")]
    folder: FolderOption = Path()
    organization: OneOrganization = None
    depth: Annotated[int, typer.Option("--depth", help="Levels below the action: 1 to 50.")] = 10
    capture_context: Annotated[
        bool, typer.Option("--capture-context/--no-capture-context", help="Record what surrounds each node.")
    ] = True
    capture_data: Annotated[
        bool, typer.Option("--capture-data/--no-capture-data", help="Record what each node was given and gave.")
    ] = True
    inputs: Annotated[
        list[str] | None, typer.Option("--input", metavar="NAME=VALUE", help="A simulated input; JSON or text.")
    ] = None
    timeout: Annotated[str, typer.Option("--timeout", help="How long to wait for the trace: 90s, 15m.")] = "5m"
    job: Annotated[
        str | None, typer.Option("--job", metavar="ID", help="Start nothing; wait for this job, started before.")
    ] = None
    webhook: Annotated[
        str | None,
        typer.Option("--webhook", metavar="URL", help="Tell this receiver, signed with PENSTOCK_WEBHOOK_SECRET."),
    ] = None
    mask: Mask = None
    output: Annotated[ActionFormat, typer.Option("--format", "-f", help="text, json, dot or html.")] = ActionFormat.TEXT
    out: Out = None
    operator: Operator = None

    def question(self) -> ActionQuestion:
        """The question to the organisation. Raises SettingsInvalid."""
        return ActionQuestion(
            flow=self.flow,
            invocation=self.invocation,
            depth=self.depth,
            capture_context=self.capture_context,
            capture_data=self.capture_data,
            inputs=_inputs(self.inputs or ()),
            timeout_s=span(self.timeout, "--timeout").total_seconds(),
            job=self.job,
        )


def action(options: ActionOptions) -> int:
    """Trace and show; 1 when the trace failed or the receiver did not take the message."""
    question = options.question()
    settings = load_settings()
    only = (options.organization,) if options.organization else ()
    organization = only_organization(open_folder(options.folder, settings, only), "a trace")
    with opened_services(settings) as services:
        analysis, undelivered = answer(services, _trace(options, question, services, organization))
    if undelivered is not None:
        warn([f"the webhook was not delivered: {undelivered}"])
    failed = analysis.result.status != "completed" or undelivered is not None
    return exit_codes.ERROR if failed else exit_codes.DONE


def _inputs(pairs: Sequence[str]) -> dict[str, object] | None:
    """`name=value` pairs; values that are JSON are taken as such, others as text. Raises SettingsInvalid."""
    found: dict[str, object] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or not name:
            raise SettingsInvalid(f"--input {pair!r} is not of the form name=value")
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found or None


async def _trace(
    options: ActionOptions, question: ActionQuestion, services: Services, organization: Organization
) -> tuple[ActionAnalysis, str | None]:
    """The analysis, and why the receiver did not take the message."""
    audit = TraceAudit(services, organization, options.operator or actor())
    try:
        webhook = TraceWebhook(services, options.webhook) if options.webhook else None
        with progress_bar("waiting for the trace"):
            analysis = await trace_action(services, organization, question, patterns=tuple(options.mask or ()))
        audit.action(analysis)
        # The receiver may be retried for a while: show the answer first.
        with output_to(options.out) as write:
            write(_rendered(analysis, options.output))
        return analysis, await webhook.send(analysis) if webhook else None
    except PenstockError as error:
        what = {"flow": question.flow, "action_id": question.invocation, "job_id": question.job}
        audit.failed(ACTION, what, error)
        raise error.only_asked() from error


def _rendered(analysis: ActionAnalysis, form: ActionFormat) -> str:
    if form is ActionFormat.JSON:
        return strict_json(action_report(analysis), indent=2) + "\n"
    if form is ActionFormat.DOT:
        return action_dot(analysis.graph, analysis.path)
    if form is ActionFormat.HTML:
        return waterfall(analysis)
    return "".join(f"{visible(line)}\n" for line in _lines(analysis))


def _lines(analysis: ActionAnalysis) -> Iterator[str]:
    result, graph, path = analysis.result, analysis.graph, analysis.path
    took = f"{result.status} after {result.retrieval_latency_ms:.0f} ms"
    yield f"{result.action_invocation_id} of flow {result.flow_id}: {took}"
    if result.message:
        yield f"  {result.message}"
    read = f"{graph.parsed} of {graph.expected} expected steps could be read ({graph.accuracy:.1%})"
    yield f"{counted(len(graph.nodes), 'node')}, {len(graph.failed)} failed, {read}"
    if analysis.graph.bottleneck is not None:
        yield f"bottleneck: {analysis.graph.bottleneck.label}, {analysis.graph.bottleneck.latency_ms:.0f} ms"
    if path.nodes:
        yield f"critical path: {path.length_ms:.0f} ms, and {path.wait_ms:.0f} ms of waiting between its nodes"
        yield from (f"  {step.own_ms:>8.0f} ms  {step.node.label}" for step in path.nodes)
    if graph.failed:
        yield "failed:"
        yield from (f"  {node.label}: {node.error or node.status_text or node.status.value}" for node in graph.failed)
    if graph.problems:
        yield "the trace has something wrong:"
        yield from (f"  {problem}" for problem in graph.problems)
