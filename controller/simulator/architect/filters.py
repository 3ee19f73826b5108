"""Filters and orders of `GET /api/v2/flows`. All given filters must match."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from controller.simulator.architect.views import division
from controller.simulator.call import ServedCall
from controller.simulator.flow import SimulatedFlow
from controller.simulator.lagging import as_listed
from controller.simulator.problem import bad_request

Test = Callable[[SimulatedFlow], bool]
_NEVER = datetime.min.replace(tzinfo=UTC)


def chosen_flows(call: ServedCall) -> list[SimulatedFlow]:
    """The flows that match the query, in its order. Raises 400 for an unknown order."""
    if ids := call.many("id"):
        chosen = [flow for flow in as_listed(call, call.organization.flows(deleted=True)) if flow.id in ids]
    else:
        tests = [*_text_tests(call), *_holder_tests(call), *_other_tests(call)]
        flows = as_listed(call, call.organization.flows(deleted=call.flag("deleted")))
        chosen = [flow for flow in flows if all(test(flow) for test in tests)]
    return _ordered(call, chosen)


def _text_tests(call: ServedCall) -> Iterator[Test]:
    if name := call.text("name"):
        fits = wildcard(name)
        yield lambda flow: fits(flow.name)
    if description := call.text("description"):
        fits_description = wildcard(description)
        yield lambda flow: fits_description(flow.description)
    if either := call.text("nameOrDescription"):
        fits_either = wildcard(either)
        yield lambda flow: fits_either(flow.name) or fits_either(flow.description)


def wildcard(pattern: str) -> Callable[[str], bool]:
    """A pattern that ignores case; `*` matches anything. The text between two stars is searched for only once."""
    first, *others = map(re.escape, pattern.split("*"))
    whole = first + "".join(f"(?>.*?{part})" for part in others[:-1]) + "".join(f".*{part}" for part in others[-1:])
    compiled = re.compile(whole, re.IGNORECASE | re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None


def _holder_tests(call: ServedCall) -> Iterator[Test]:
    if holder := call.text("lockedBy"):
        yield lambda flow: flow.lock is not None and flow.lock.holder.person and flow.lock.holder.id == holder
    if locking_client := call.text("lockedByClientId"):
        yield (
            lambda flow: flow.lock is not None and not flow.lock.holder.person and flow.lock.holder.id == locking_client
        )
    if editor := call.text("editableBy"):
        yield lambda flow: flow.lock is None or flow.lock.holder.id == editor


def _other_tests(call: ServedCall) -> Iterator[Test]:
    if types := {kind.lower() for kind in call.many("type")}:
        yield lambda flow: flow.type in types
    if version := call.text("publishVersionId"):
        yield lambda flow: flow.published is not None and flow.published.id == version
    if after := call.moment("publishedAfter"):
        yield lambda flow: _published_at(flow) > after
    if before := call.moment("publishedBefore"):
        yield lambda flow: flow.published is not None and _published_at(flow) < before
    if divisions := call.many("divisionId"):
        yield lambda flow: division(call.organization, flow.division)["id"] in divisions
    if secure := call.text("secure"):
        yield lambda flow: (flow.type == "securecall") == (secure.lower() == "true")


def _published_at(flow: SimulatedFlow) -> datetime:
    return (flow.published and flow.published.published_at) or _NEVER


def _publisher(flow: SimulatedFlow) -> str:
    publisher = flow.published and flow.published.published_by
    return publisher.name.lower() if publisher else ""


_ORDERS: dict[str, Callable[[SimulatedFlow], tuple[object, ...]]] = {
    "id": lambda flow: (flow.id,),
    "name": lambda flow: (flow.name.lower(), flow.id),
    "type": lambda flow: (flow.type, flow.name.lower(), flow.id),
    "description": lambda flow: (flow.description.lower(), flow.id),
    "publishedby": lambda flow: (_publisher(flow), flow.id),
    "publisheddate": lambda flow: (_published_at(flow), flow.id),
}


def _ordered(call: ServedCall, flows: list[SimulatedFlow]) -> list[SimulatedFlow]:
    name = (call.text("sortBy") or "id").lower()
    order = _ORDERS.get(name)
    if order is None:
        raise bad_request(
            f"Value [{name}] is not valid for query parameter [sortBy].", code="invalid.query.param.value"
        )
    return sorted(flows, key=order, reverse=(call.text("sortOrder") or "asc").lower().startswith("desc"))
