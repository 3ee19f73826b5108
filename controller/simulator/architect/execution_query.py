"""The query of execution data: its groups of criteria, and the facts of an execution that they compare."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from controller.simulator.call import parse_moment, records
from controller.simulator.execution import Execution
from controller.simulator.problem import bad_request

OPERATORS = ("eq", "gt", "gte", "lt", "lte", "not", "begins", "not_null")
DATES = ("FlowStartDateTime", "FlowEndDateTime")
KEYS = (
    *DATES,
    "ConversationId",
    "WorkitemId",
    "FlowType",
    "FlowId",
    "FlowErrorReason",
    "FlowWarningReason",
    "FlowAlternateExecutionId",
    "FlowObjectExecutionId",
    "FlowActionId",
    "FlowActionType",
    "FlowActionOutputPathId",
    "FlowActionOutputPathName",
    "FlowActionIdOutputPathId",
    "FlowActionIdOutputPathName",
    "FlowActionTypeOutputPathId",
    "FlowActionTypeOutputPathName",
    "BotId",
    "BotErrorReason",
    "BotFlowExecutionId",
    "BotObjectExecutionId",
)
Item = tuple[str, str, str | datetime]
Facts = Mapping[str, tuple[str | datetime, ...]]
"""The facts of an execution by key; some keys have several values."""


def compile_query(query: object) -> tuple[Callable[[Facts], bool], datetime]:
    """A test of an execution's facts, and the earliest start that can match. Raises 400 for a wrong query."""
    tests: list[Callable[[Facts], bool]] = []
    earliest = datetime.min.replace(tzinfo=UTC)
    for group in records(query, "query"):
        for word, items in _group(group):
            tests.append(_test(word, items))
            if word in ("and", "criteria"):
                earliest = max([earliest, *_beginnings(items)])
    return (lambda facts: all(test(facts) for test in tests)), earliest


def _group(group: Mapping[str, object]) -> Iterator[tuple[str, list[Item]]]:
    for word, value in group.items():
        if value is None:
            continue
        if word == "criteria":
            yield word, [_item(item) for item in records([value], word)]
        elif word in ("and", "or", "not"):
            yield word, [_item(item) for item in records(value, word)]
        else:
            raise bad_request(f"[{word}] is none of and, or, not, criteria.")


def _item(item: Mapping[str, object]) -> Item:
    key, operator, value = item.get("key"), item.get("operator"), item.get("value", "")
    if key not in KEYS or operator not in OPERATORS or not isinstance(value, str):
        raise bad_request(f"Value [{key} {operator}] is not valid for a criterion.", code="invalid.value")
    return str(key), str(operator), parse_moment(value) if key in DATES and operator != "not_null" else value


def _beginnings(items: list[Item]) -> Iterator[datetime]:
    for key, operator, value in items:
        if key == "FlowStartDateTime" and operator in ("gt", "gte", "eq") and isinstance(value, datetime):
            yield value


def _test(word: str, items: list[Item]) -> Callable[[Facts], bool]:
    if word == "or":
        return lambda facts: any(_fits(item, facts) for item in items)
    if word == "not":
        return lambda facts: not any(_fits(item, facts) for item in items)
    return lambda facts: all(_fits(item, facts) for item in items)


def _fits(item: Item, facts: Facts) -> bool:
    key, operator, wanted = item
    known = facts.get(key, ())
    if operator == "not_null":
        return bool(known)
    if operator == "not":
        return all(value != wanted for value in known)
    return any(_compare(operator, value, wanted) for value in known)


def _compare(operator: str, value: str | datetime, wanted: str | datetime) -> bool:
    if operator == "begins":
        return str(value).startswith(str(wanted))
    if operator == "eq":
        return value == wanted
    left, right = (value, wanted) if isinstance(value, datetime) else (str(value), str(wanted))
    if not isinstance(left, type(right)):
        return False
    return bool(
        {"gt": left > right, "gte": left >= right, "lt": left < right, "lte": left <= right}[operator]  # type: ignore[operator]
    )


def facts_of(execution: Execution, flow_type: str) -> Facts:
    """The facts about an execution that a query can compare. Results of its actions are not indexed."""
    known: dict[str, tuple[str | datetime, ...]] = {
        "FlowStartDateTime": (execution.started_at,),
        "FlowEndDateTime": (execution.ended_at,),
        "FlowType": (flow_type,),
        "FlowId": (execution.flow_id,),
    }
    if execution.conversation_id:
        known["ConversationId"] = (execution.conversation_id,)
    if execution.error:
        known["FlowErrorReason"] = (execution.error,)
    return known
