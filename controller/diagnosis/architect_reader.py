"""Reads the architect dialect's execution files into the trace model.

The file has no durations: a step lasts until the next one begins. Nothing is lost. `TraceStep.detail` keeps the whole
payload of each event. An action with a nested execution becomes two steps, one with its inputs and one with its
outputs. Events of unknown kinds are kept and marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from controller.diagnosis.architect_events import EventToken, TokenKind, tokens_of_text
from controller.diagnosis.architect_steps import StepBuilder
from controller.diagnosis.json_stream import JsonText
from controller.diagnosis.model import Trace, TraceHeader, TraceStep
from controller.diagnosis.variables import flag, moment, text_of
from controller.domain.capabilities import ARCHITECT
from controller.domain.errors.organization import TraceUnreadable

_HEADER_FIELDS = frozenset(
    {
        "executionId",
        "flowId",
        "flowName",
        "flowType",
        "flowVersion",
        "conversationId",
        "startDateTime",
        "endDateTime",
        "isTruncated",
        "isSecure",
        "flowIsDebug",
    }
)


def open_execution(chunks: Callable[[], Iterable[str]]) -> Trace:
    """The trace of an execution file that is read piece by piece each time its steps are walked.

    `chunks` opens the text again, for example a spooled download. Memory is bounded by how deep executions nest, not by
    the length of the file. This function reads the whole text once, because the header may come after the steps. Raises
    TraceUnreadable here, or later while the steps are walked, for text that is not an execution file.
    """
    return _trace(lambda: tokens_of_text(JsonText(chunks())))


def _trace(tokens: Callable[[], Iterator[EventToken]]) -> Trace:
    fields: dict[str, object] = {}
    events = 0
    for token in tokens():
        if token.kind is TokenKind.HEADER:
            fields = {**token.fields, **fields}
        else:
            events += 1
    if not fields and not events:
        raise TraceUnreadable("the execution data is empty", hint="is execution data enabled for this organisation?")
    return Trace(_header(fields), _Steps(tokens, fields))


class _Steps:
    """Reads the tokens again for each iteration."""

    def __init__(self, tokens: Callable[[], Iterator[EventToken]], header: Mapping[str, object]) -> None:
        self._tokens = tokens
        self._header = header

    def __iter__(self) -> Iterator[TraceStep]:
        builder = StepBuilder(flow_name=text_of(self._header.get("flowName")) or "")
        yield from builder.steps(token for token in self._tokens() if token.kind is not TokenKind.HEADER)


def _header(fields: Mapping[str, object]) -> TraceHeader:
    info = fields.get("executionInfo")
    return TraceHeader(
        id=text_of(fields.get("executionId")) or text_of(fields.get("id")) or "unknown",
        dialect=ARCHITECT,
        flow_id=text_of(fields.get("flowId")),
        flow_name=text_of(fields.get("flowName")),
        flow_type=text_of(fields.get("flowType")),
        flow_version=text_of(fields.get("flowVersion")),
        conversation_id=text_of(fields.get("conversationId")),
        started_at=moment(fields.get("startDateTime")),
        ended_at=moment(fields.get("endDateTime")),
        truncated=flag(fields, "isTruncated"),
        secure=flag(fields, "isSecure"),
        debug=flag(fields, "flowIsDebug"),
        log_level=text_of(info.get("logLevel")) if isinstance(info, Mapping) else None,
        extra={name: value for name, value in fields.items() if name not in _HEADER_FIELDS},
    )
