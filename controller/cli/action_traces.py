"""From what was asked for on the command line to a trace of one action, shown and told to a receiver."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from controller.cli import exit_codes
from controller.cli.bars import progress_bar
from controller.cli.executions import only_organization
from controller.cli.running import opened_services
from controller.cli.sinks import output_to, warn
from controller.diagnosis import strict_json
from controller.diagnosis.action import ActionAnalysis, action_dot, action_report, waterfall
from controller.domain.desired import Organization
from controller.domain.errors import PenstockError, SettingsInvalid
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.questions.action_trace import ActionQuestion, trace_action
from controller.questions.trace_audit import ACTION, TraceAudit
from controller.questions.trace_webhook import TraceWebhook
from controller.reconcile import Services, load_settings, open_folder


@dataclass(frozen=True, slots=True)
class ActionTraceArguments:
    """What was asked for."""

    folder: Path
    question: ActionQuestion
    form: str
    operator: str
    """Who reads, for the audit log."""
    organization: str | None = None
    patterns: tuple[str, ...] = ()
    webhook: str | None = None
    out: Path | None = None


def show_action(asked: ActionTraceArguments) -> int:
    """Trace, show and tell; the exit code: 1 when the trace failed or the receiver did not take the message."""
    settings = load_settings()
    only = (asked.organization,) if asked.organization else ()
    organization = only_organization(open_folder(asked.folder, settings, only))
    with opened_services(settings) as services:
        analysis, undelivered = asyncio.run(_trace(asked, services, organization))
    if undelivered is not None:
        warn([f"the webhook was not delivered: {undelivered}"])
    failed = analysis.result.status != "completed" or undelivered is not None
    return exit_codes.ERROR if failed else exit_codes.DONE


def inputs_of(pairs: Sequence[str]) -> dict[str, object] | None:
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
    asked: ActionTraceArguments, services: Services, organization: Organization
) -> tuple[ActionAnalysis, str | None]:
    audit = TraceAudit(services, organization, asked.operator)
    try:
        webhook = TraceWebhook(services, asked.webhook) if asked.webhook else None
        with progress_bar("waiting for the trace"):
            analysis = await trace_action(services, organization, asked.question, patterns=asked.patterns)
        audit.action(analysis)
        # A receiver that is away is tried for a while: the answer is there before.
        with output_to(asked.out) as write:
            write(_rendered(analysis, asked.form))
        return analysis, await webhook.send(analysis) if webhook else None
    except PenstockError as error:
        question = asked.question
        what = {"flow": question.flow, "action_id": question.invocation, "job_id": question.job}
        audit.failed(ACTION, what, error)
        raise
    finally:
        await services.disconnect()


def _rendered(analysis: ActionAnalysis, form: str) -> str:
    if form == "json":
        return strict_json(action_report(analysis), indent=2) + "\n"
    if form == "dot":
        return action_dot(analysis.graph, analysis.path)
    if form == "html":
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
    if analysis.bottleneck is not None:
        yield f"bottleneck: {analysis.bottleneck.label}, {analysis.bottleneck.latency_ms:.0f} ms"
    if path.nodes:
        yield f"critical path: {path.length_ms:.0f} ms, and {path.wait_ms:.0f} ms of waiting between its nodes"
        yield from (f"  {step.own_ms:>8.0f} ms  {step.node.label}" for step in path.nodes)
    if graph.failed:
        yield "failed:"
        yield from (f"  {node.label}: {node.error or node.status_text or node.status.value}" for node in graph.failed)
    if graph.problems:
        yield "the trace has something wrong:"
        yield from (f"  {problem}" for problem in graph.problems)
