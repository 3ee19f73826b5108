"""One flow: desired, recorded and live state, what runs, its versions over time, its gates and its difference."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from starlette.responses import Response

from controller.domain.desired import DesiredFlow, ErrorRateGate, ExecutionGate, Gate, HttpGate, Organization
from controller.domain.errors.api import UnknownResource
from controller.domain.errors.branches import PenstockError
from controller.domain.page_addresses import flow_address, with_query
from controller.domain.wording import span
from controller.planning.rendering.view import FlowDifference
from controller.questions.comparisons import flow_against_live
from controller.questions.history import Period
from controller.questions.history_reading import HistoryChoice, organization_history
from controller.questions.live_document import FlowDocument
from controller.questions.live_state import flow_now
from controller.service.described import Described
from controller.service.pages.asked import Asked
from controller.service.pages.offers import flow_offers
from controller.service.pages.organization_frame import organization_page, seen
from controller.store.views import OrganizationView

_LONGEST_S: Final = 20.0
"""How long the organisation may take to answer."""
_PERIODS: Final = 50


@dataclass(frozen=True, slots=True)
class Timeline:
    """The versions of a flow, newest first, and what could not be read."""

    periods: tuple[Period, ...] = ()
    notes: tuple[str, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the next publish would change inside the flow, or why that is not known."""

    difference: FlowDifference | None = None
    note: str = ""


async def flow(asked: Asked) -> Response:
    """`/organizations/{organization}/flows/{flow}`; with `?diff=1` the organisation is asked for the live content."""
    view, found = await asyncio.to_thread(_found, asked)
    described = asked.description()
    desired = None if described is None else _desired(described.organization, found.flow.flow)
    timeline = await _timeline(described, found)
    compared = None
    if asked.query("diff") == "1" and described is not None and desired is not None:
        compared = await _compared(described, desired, found)
    address = flow_address(asked.organization, found.flow.flow)
    return await asyncio.to_thread(
        organization_page,
        asked,
        "flow",
        view,
        live=compared is None,
        found=found,
        flow=found.flow,
        desired=desired,
        gates=list(_gates(desired)),
        timeline=timeline,
        compared=compared,
        diff_address=with_query(address, {"diff": 1}) if desired is not None else None,
        offers=flow_offers(found) if asked.may_operate(asked.organization) else (),
    )


def _found(asked: Asked) -> tuple[OrganizationView, FlowDocument]:
    """Raises UnknownResource."""
    view, store = seen(asked), asked.window.services.store
    name = asked.request.path_params["flow"]
    flow = store.views.flow(asked.organization, name)
    if flow is None:
        raise UnknownResource(f"There is no flow {name} in {asked.organization}.")
    return view, flow_now(store, view, flow, asked.now)


def _desired(organization: Organization, flow: str) -> DesiredFlow | None:
    return next((each for each in organization.flows if each.id == flow), None)


def _gates(desired: DesiredFlow | None) -> Iterator[tuple[str, str]]:
    """Each gate of the manifest: its name and what it asks for."""
    if desired is None:
        return
    if desired.rollout.bake_s:
        yield "bake", span(desired.rollout.bake_s)
    for stage in desired.rollout.stages:
        yield "stage", f"{stage.percentage} % for {span(stage.duration_s)}"
    yield from map(_gate, desired.gates)


def _gate(gate: Gate) -> tuple[str, str]:
    match gate:
        case ErrorRateGate():
            against = " more than before" if gate.baseline else ""
            return "errorRate", (
                f"at most {gate.max_rate:.2%}{against} of at least {gate.minimum_samples} executions in "
                f"{span(gate.window_s)}; without data: {gate.on_no_data.value}"
            )
        case HttpGate():
            return "http", f"{gate.url} answers {gate.status}"
        case ExecutionGate():
            return "execution", f"one run ends without an error within {span(gate.timeout_s)}"


async def _timeline(described: Described | None, found: FlowDocument) -> Timeline:
    """From git and the store alone: a page that people leave open must not ask the organisation."""
    if described is None:
        return Timeline(notes=("The manifests have not been read yet.",))
    choice = HistoryChoice(flow=f"{found.flow.type}/{found.flow.name}", offline=True)
    services, repository = described.services, described.workspace.repository
    reading = organization_history(services, repository, described.organization, choice)
    try:
        # In a thread, with a loop of its own: reading years of history would hold up the passes.
        history = await asyncio.to_thread(asyncio.run, reading)
    except PenstockError as error:
        return Timeline(notes=(error.message,))
    periods = [period for each in history.flows for period in each.since(None)]
    notes = (*history.notes, *(each.note for each in history.flows if each.note))
    return Timeline(tuple(periods[:_PERIODS]), notes, max(len(periods) - _PERIODS, 0))


async def _compared(described: Described, desired: DesiredFlow, found: FlowDocument) -> Comparison:
    """The desired content against the live content."""
    asking = flow_against_live(described.services, described.organization, desired, found.flow.flow_id)
    try:
        each = await asyncio.wait_for(asking, _LONGEST_S)
    except TimeoutError:
        return Comparison(note=f"The organisation did not answer within {span(_LONGEST_S)}.")
    except PenstockError as error:
        return Comparison(note=error.message)
    return Comparison(FlowDifference(each.flow, each.places, tuple(each.entries())))
