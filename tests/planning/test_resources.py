"""A flow that needs what the organisation lacks is blocked with file and line; what cannot be told blocks nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.domain.desired import DesiredFlow, Organization, SourceFile
from controller.domain.live import LiveState
from controller.domain.recorded import RecordedState
from controller.domain.references import Resolution, ResourceReference
from controller.domain.resources import ResourceListing, ResourcePolicy
from controller.flows.flow_file import parse
from controller.flows.substitution import placeholders
from controller.genesys.architect.resource_kinds import RESOURCE_KINDS
from controller.planning.inputs import PlanInputs
from controller.planning.model import Change, Plan
from controller.planning.plan import make_plan
from controller.planning.resources import changes_nothing, needed_by_plan
from tests.flows.corpus import FILES, text_of
from tests.planning.compact import OBSERVED_AT, live_state, organization, recorded_state
from tests.support.named_resources import NamedResource, named_resources
from tests.support.source_text import KnownText

ROOT = Path(__file__).parents[2]
EXAMPLES = [
    path
    for path in sorted((ROOT / "examples").rglob("flows/*.yaml"))
    if "apiVersion:" not in (text := path.read_text("utf-8")) and not placeholders(text)
]
REAL = [pytest.param(path, id=path.stem[-40:]) for path in (*EXAMPLES, *FILES)]
QUEUE = "inboundCall.tasks[0].task.actions[0].transferToAcd.targetQueue"


def listings(named: Iterable[NamedResource] = ()) -> dict[str, ResourceListing]:
    """What an organisation has that has just this."""
    names: dict[str, dict[str, frozenset[str] | None]] = {kind: {} for kind in RESOURCE_KINDS}
    for each in named:
        names[each.kind][each.name] = None
    return {kind: ResourceListing(kind, found) for kind, found in names.items()}


def plan_of_file(path: Path, has: Mapping[str, ResourceListing]) -> Change:
    """The change of a file that no organisation has yet, regardless of the flows that it calls."""
    flow, base = parse(text_of(path)), organization({})
    source = SourceFile(f"flows/{path.name}", KnownText(), flow.digest, (), flow.resources)
    desired = DesiredFlow("it", flow.key, source, base.origin)
    live = LiveState({}, OBSERVED_AT, resources=has)
    plan = make_plan(replace(base, flows=(desired,)), live, RecordedState("production"), PlanInputs("abc"))
    (change,) = plan.changes
    return change


@pytest.mark.parametrize("path", REAL)
def test_an_empty_organisation_lacks_exactly_what_another_reader_finds_in_the_file(path: Path) -> None:
    expected = {(each.kind, each.name) for each in named_resources(text_of(path))}
    change = plan_of_file(path, listings())
    assert {(each.reference.kind, each.reference.name) for each in change.missing} == expected
    assert (change.blocked is not None) is bool(expected)


@pytest.mark.parametrize("path", REAL)
def test_the_plan_is_green_with_all_of_it_and_blocked_without_any_one_of_it(path: Path) -> None:
    named = named_resources(text_of(path))
    assert plan_of_file(path, listings(named)).blocked is None
    for lost in {(each.kind, each.name): each for each in reversed(named)}.values():
        rest = [each for each in named if (each.kind, each.name) != (lost.kind, lost.name)]
        blocked = plan_of_file(path, listings(rest)).blocked
        assert blocked is not None
        assert blocked.code == "missing-resource"
        assert f"{lost.name!r} (flows/{path.name}:{lost.line}:" in blocked.message


def queue(name: str = "Sales", **fields: Any) -> ResourceReference:
    return ResourceReference(**{"kind": "queue", "name": name, "path": QUEUE, "position": (12, 9), **fields})


def planned(
    *references: ResourceReference,
    has: Mapping[str, Iterable[str]] | None = None,
    unknown: Mapping[str, str] | None = None,
    policy: ResourcePolicy = ResourcePolicy.BLOCK,
    document: Mapping[str, Any] | None = None,
) -> Plan:
    """The plan of one flow that names these resources."""
    told = document or {"desired": {"front": {"key": "inboundcall/Front", "digest": "a"}}}
    base = organization(told)
    flows = tuple(
        replace(flow, source=replace(flow.source, resources=references))
        if isinstance(flow.source, SourceFile)
        else flow
        for flow in base.flows
    )
    found = {kind: ResourceListing(kind, dict.fromkeys(names)) for kind, names in (has or {}).items()}
    found |= {kind: ResourceListing(kind, unknown=why) for kind, why in (unknown or {}).items()}
    live = replace(live_state(told), resources=found)
    wanted: Organization = replace(base, flows=flows, resources=policy)
    return make_plan(wanted, live, recorded_state(told), PlanInputs("abc"))


def only(plan: Plan) -> Change:
    (change,) = plan.changes
    return change


def test_a_close_name_and_the_way_out_are_told() -> None:
    blocked = only(planned(queue("Slaes"), has={"queue": ["Sales", "Service"]})).blocked
    assert blocked is not None
    assert blocked.message == (
        "it needs queue 'Slaes' (flows/front.yaml:12:9, did you mean 'Sales'?), which the organisation does not have, "
        "or does not show to this client; create it there, correct the name, or set spec.resources: warn"
    )
    assert not blocked.waits


def test_a_kind_that_cannot_be_told_is_said_once_and_blocks_nothing() -> None:
    why = "this client may not list them; it needs routing:queue:view"
    plan = planned(queue("A"), queue("B"), unknown={"queue": why})
    assert only(plan).blocked is None
    assert plan.warnings == (f"whether the organisation has each queue that flows need cannot be told: {why}",)


def test_a_listing_that_the_organisation_calls_partial_is_not_said_in_a_plan() -> None:
    told = {"desired": {"front": {"key": "inboundcall/Front", "digest": "a"}}}
    live = replace(live_state(told), resources={"queue": ResourceListing("queue", unknown="…", partial=True)})
    assert make_plan(organization(told), live, recorded_state(told), PlanInputs("abc")).warnings == ()


@pytest.mark.parametrize("resolution", [Resolution.DYNAMIC, Resolution.UNKNOWN])
def test_what_is_decided_at_run_time_is_never_missing(resolution: Resolution) -> None:
    plan = planned(queue("Task.q", resolution=resolution), has={"queue": []})
    assert (only(plan).blocked, only(plan).missing) == (None, ())


def test_a_kind_that_was_not_looked_up_is_never_missing() -> None:
    assert only(planned(queue(kind="hologram"), has={"queue": []})).missing == ()


def test_warn_lets_the_change_through_with_the_same_words() -> None:
    change = only(planned(queue(), has={"queue": []}, policy=ResourcePolicy.WARN))
    assert change.blocked is None
    [warning] = change.warnings
    assert "it needs queue 'Sales' (flows/front.yaml:12:9)" in warning


def test_a_name_in_another_spelling_is_a_doubt() -> None:
    """Whether Genesys regards case here is not documented."""
    change = only(planned(queue("sales "), has={"queue": ["Sales"]}))
    assert (change.blocked, change.missing) == (None, ())
    assert "spelled 'Sales'" in change.warnings[0]


def test_a_column_that_a_lookup_reads_and_the_table_lacks_blocks() -> None:
    table = queue(kind="data-table", name="Hours", parts=("Open", "Closes"))
    live = ResourceListing("data-table", {"Hours": frozenset({"key", "Open", "Closed"})})
    told = {"desired": {"front": {"key": "inboundcall/Front", "digest": "a"}}}
    base = organization(told)
    (flow,) = base.flows
    assert isinstance(flow.source, SourceFile)
    wanted = replace(base, flows=(replace(flow, source=replace(flow.source, resources=(table,))),))
    state = replace(live_state(told), resources={"data-table": live})
    blocked = only(make_plan(wanted, state, recorded_state(told), PlanInputs("abc"))).blocked
    assert blocked is not None
    assert "column 'Closes' of data table 'Hours' (flows/front.yaml:12:9, did you mean 'Closed'?)" in blocked.message


def test_a_language_that_a_prompt_lacks_is_a_warning() -> None:
    prompt = queue(kind="user-prompt", name="Hello", parts=("en-us", "nl-nl"))
    told = {"desired": {"front": {"key": "inboundcall/Front", "digest": "a"}}}
    base = organization(told)
    (flow,) = base.flows
    assert isinstance(flow.source, SourceFile)
    wanted = replace(base, flows=(replace(flow, source=replace(flow.source, resources=(prompt,))),))
    has = {"user-prompt": ResourceListing("user-prompt", {"Hello": frozenset({"en-US"})})}
    state = replace(live_state(told), resources=has)
    change = only(make_plan(wanted, state, recorded_state(told), PlanInputs("abc")))
    assert change.blocked is None
    assert change.warnings == ("user prompt 'Hello' has nothing for nl-nl",)


def test_a_flow_in_sync_is_not_checked_and_needs_no_listing() -> None:
    document = {
        "desired": {"front": {"key": "inboundcall/Front", "digest": "a"}},
        "live": {"inboundcall/Front": {"version": "1.0"}},
        "recorded": {"inboundcall/Front": {"manifest": "front", "version": "1.0", "digest": "a"}},
    }
    plan = planned(queue(), has={"queue": []}, document=document)
    assert plan.empty
    assert needed_by_plan(plan) == frozenset()


def test_a_pinned_version_is_not_checked() -> None:
    """The organisation made it with what it has."""
    document = {
        "desired": {"front": {"key": "inboundcall/Front", "version": "2.0"}},
        "live": {"inboundcall/Front": {"version": "1.0"}},
    }
    assert needed_by_plan(planned(queue(), document=document)) == frozenset()


def test_only_the_kinds_of_flows_to_be_published_are_needed() -> None:
    document = {
        "desired": {
            "front": {"key": "inboundcall/Front", "digest": "a"},
            "back": {"key": "inboundcall/Back", "digest": "b"},
        },
        "live": {"inboundcall/Back": {"version": "1.0"}},
        "recorded": {"inboundcall/Back": {"manifest": "back", "version": "1.0", "digest": "b"}},
    }
    assert needed_by_plan(planned(queue(), queue(kind="skill"), document=document)) == {"queue", "skill"}


def test_what_is_missing_is_told_beside_another_block() -> None:
    document = {"desired": {"front": {"key": "inboundcall/Front", "digest": "b", "calls": ["commonmodule/Nowhere"]}}}
    change = only(planned(queue(), has={"queue": []}, document=document))
    assert change.blocked is not None
    assert change.blocked.code == "missing-dependency"
    assert [each.reference.name for each in change.missing] == ["Sales"]
    assert "it needs queue 'Sales'" in change.warnings[-1]


@pytest.mark.parametrize(
    ("listing", "nothing"),
    [
        (ResourceListing("queue", {"Sales": None}), True),
        (ResourceListing("queue", {"sales": None}), False),
        (ResourceListing("queue", {}), False),
        (ResourceListing("queue", unknown="no right"), False),
        (ResourceListing("queue", unknown="not complete", partial=True), True),
    ],
)
def test_listings_that_say_nothing_new_cost_no_second_plan(listing: ResourceListing, nothing: bool) -> None:
    assert changes_nothing(planned(queue()), {"queue": listing}) is nothing
