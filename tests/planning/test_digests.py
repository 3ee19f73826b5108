"""What a dependency digest and a plan digest notice, and what they must not notice."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controller.domain.desired import SecretSource, SourceFile
from controller.domain.live import LockHolder
from controller.planning.inputs import PlanInputs
from controller.planning.model import Plan
from controller.planning.plan import make_plan
from tests.planning.compact import OBSERVED_AT, live_state, organization, plan_inputs, recorded_state

CHAIN: dict[str, Any] = {
    "desired": {
        "top": {"key": "inboundcall/Top", "digest": "t", "calls": ["commonmodule/Middle"]},
        "middle": {
            "key": "commonmodule/Middle",
            "digest": "m",
            "calls": ["commonmodule/Bottom", "inboundcall/Outside"],
        },
        "bottom": {"key": "commonmodule/Bottom", "version": "2.0"},
        "beside": {"key": "inboundcall/Beside", "digest": "b"},
    },
    "live": {
        "inboundcall/Top": {"version": "1.0"},
        "commonmodule/Middle": {"version": "1.0"},
        "commonmodule/Bottom": {"version": "2.0"},
        "inboundcall/Outside": {"version": "1.0"},
        "inboundcall/Unrelated": {"version": "1.0"},
    },
    "recorded": {
        "inboundcall/Top": {"manifest": "top", "version": "1.0", "digest": "t"},
        "commonmodule/Middle": {"manifest": "middle", "version": "1.0", "digest": "m"},
    },
}


def _plan(states: dict[str, Any], revision: str = "r") -> Plan:
    inputs = replace(plan_inputs(states), revision=revision)
    return make_plan(organization(states), live_state(states), recorded_state(states), inputs)


def _changed(path: str, value: object) -> dict[str, Any]:
    states = copy.deepcopy(CHAIN)
    *parents, last = path.split(".")
    entry = states
    for parent in parents:
        entry = entry.setdefault(parent, {})
    entry[last] = value
    return states


def _digests(states: dict[str, Any]) -> dict[str, str]:
    return {change.flow: change.dependency_digest for change in _plan(states).changes}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("desired.top.digest", "t2"),
        ("desired.middle.digest", "m2"),
        ("desired.bottom.version", "3.0"),
        ("live.inboundcall/Outside.version", "2.0"),
        ("live.commonmodule/Bottom.id", "another flow of that name"),
        ("desired.middle.calls", ["commonmodule/Bottom"]),
        ("desired.top.dependsOn", ["beside"]),
    ],
)
def test_any_change_below_changes_the_digest_of_the_top(path: str, value: object) -> None:
    """Content, pinned versions, flows outside the manifests, and the dependencies themselves."""
    before, after = _digests(CHAIN), _digests(_changed(path, value))
    assert after["top"] != before["top"]
    assert after["beside"] == before["beside"]


def test_a_version_that_moves_below_changes_the_digest_though_the_content_stays() -> None:
    before, after = _digests(CHAIN), _digests(_changed("live.commonmodule/Middle.version", "7.0"))
    assert after["top"] != before["top"]
    assert after["bottom"] == before["bottom"]


def test_the_same_inputs_give_the_same_digests() -> None:
    assert _digests(copy.deepcopy(CHAIN)) == _digests(CHAIN)
    assert all(digest.startswith("sha256:") and len(digest) == 71 for digest in _digests(CHAIN).values())


def test_the_flows_of_a_cycle_share_their_fate() -> None:
    """A change in any member changes the digests of all of them, and they stay distinct."""
    states: dict[str, Any] = {
        "desired": {
            "a": {"key": "inboundcall/A", "digest": "a", "calls": ["inboundcall/B"]},
            "b": {"key": "inboundcall/B", "digest": "b", "calls": ["inboundcall/A"]},
        }
    }
    before = _digests(states)
    states["desired"]["b"]["digest"] = "b2"
    after = _digests(states)
    assert before["a"] != after["a"]
    assert after["a"] != after["b"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("desired.top.digest", "t2"),
        ("desired.top.suspended", True),
        ("organization.heal", True),
        ("live.inboundcall/Top.version", "2.0"),
        ("live.inboundcall/Top.locked", {"name": "Jane"}),
        ("live.inboundcall/Outside.version", "2.0"),
        ("live.commonmodule/Bottom.versions", ["2.0 published", "1.0 published"]),
        ("recorded.inboundcall/Top.digest", "older"),
        ("inputs.quarantines", [{"key": "inboundcall/Top", "wanted": "sha256:t", "reason": "gate"}]),
        ("ambiguous", ["inboundcall/Top"]),
        ("partial", ["the listing was cut short"]),
    ],
)
def test_a_plan_digest_changes_with_everything_that_decides_the_plan(path: str, value: object) -> None:
    """An approved plan is stale as soon as something that it was made from moves."""
    assert _plan(_changed(path, value)).digest != _plan(CHAIN).digest


def test_a_plan_digest_does_not_change_with_a_revision_that_asks_for_the_same() -> None:
    """Our own commits of artifacts would otherwise make every approval stale."""
    assert _plan(CHAIN, "another").digest == _plan(CHAIN).digest


def test_a_plan_digest_does_not_change_with_what_the_plan_has_nothing_to_do_with() -> None:
    """Someone else's flow, and the moment at which the organisation was read."""
    assert _plan(_changed("live.inboundcall/Unrelated.version", "2.0")).digest == _plan(CHAIN).digest
    live = live_state(CHAIN)
    later = replace(live, observed_at=live.observed_at + timedelta(hours=1))
    plans = [make_plan(organization(CHAIN), each, recorded_state(CHAIN), PlanInputs("r")) for each in (live, later)]
    assert plans[0] == plans[1]


PRUNING: dict[str, Any] = {
    "organization": {"prune": True},
    "desired": {"top": {"key": "inboundcall/Top", "digest": "t"}},
    "live": {"inboundcall/Top": {"version": "1.0"}, "inboundcall/Old": {"version": "1.0", "consumers": []}},
    "recorded": {
        "inboundcall/Top": {"manifest": "top", "version": "1.0", "digest": "t"},
        "inboundcall/Old": {"manifest": "old", "version": "1.0", "digest": "o"},
    },
}


def _pruning(**old: object) -> Plan:
    states = copy.deepcopy(PRUNING)
    states["live"]["inboundcall/Old"] |= old
    return _plan(states)


def test_why_consumers_are_unknown_is_no_part_of_a_plan_digest_but_that_it_blocks_is() -> None:
    first, second = (_pruning(consumers_unknown=f"403 (correlation id {number})") for number in (1, 2))
    assert first.digest == second.digest
    assert first.actions != second.actions
    assert _pruning().digest != first.digest


def test_consumers_that_change_nothing_of_a_plan_are_no_part_of_its_digest() -> None:
    """Who may not ask the index, and who may and learns that something consumes the flow, leave it where it is."""
    consumed, unknown = _pruning(consumers=["inboundcall/Foreign"]), _pruning(consumers_unknown="403")
    assert [change.blocked.code for plan in (consumed, unknown) for change in plan.actions if change.blocked] == [
        "still-consumed",
        "consumers-unknown",
    ]
    assert consumed.digest == unknown.digest


@pytest.mark.parametrize(
    "told",
    [
        {"published_by": "Ada", "published_at": OBSERVED_AT},
        {"division": "Home"},
        {"has_draft": True},
        {"locked_by": LockHolder("penstock", "client", id="ours")},
    ],
)
def test_a_plan_digest_does_not_change_with_what_a_client_is_told_besides(told: dict[str, Any]) -> None:
    assert _digest_with(told, "ours") == _digest_with({}, "ours")


def test_a_plan_digest_does_not_change_with_the_name_of_a_lock_s_holder_or_of_the_client() -> None:
    named, unnamed = LockHolder("Ada", id="7", since=OBSERVED_AT), LockHolder("7", id="7")
    assert _digest_with({"locked_by": named}, "ours") == _digest_with({"locked_by": unnamed}, "another")
    assert _digest_with({"locked_by": named}, "ours") != _digest_with({}, "ours")
    assert _digest_with({"locked_by": named}, "ours") != _digest_with({"locked_by": LockHolder("Bob", id="8")}, "ours")


def test_a_plan_of_flows_that_do_not_exist_yet_is_for_one_organisation_however_it_is_told_apart() -> None:
    nothing_live = {"desired": {"top": {"key": "inboundcall/Top", "digest": "t"}}}

    def digest(**told: str) -> str:
        inputs = PlanInputs("r", **told)
        return make_plan(organization(nothing_live), live_state({}), recorded_state({}), inputs).digest

    assert digest(organization_id="1", client_name="ours") == digest(organization_id="1", client_name="another")
    assert digest(organization_id="1", client_name="ours") != digest(organization_id="2", client_name="ours")
    assert digest(client_name="ours") != digest(client_name="another")


def _digest_with(told: dict[str, Any], client: str) -> str:
    live = live_state(CHAIN)
    flows = {key: replace(flow, **told) if key.name == "Top" else flow for key, flow in live.flows.items()}
    inputs = PlanInputs("r", client_name=client)
    return make_plan(organization(CHAIN), replace(live, flows=flows), recorded_state(CHAIN), inputs).digest


def test_no_secret_is_an_input() -> None:
    """Neither the text of a flow, which may carry one, nor where credentials are read from."""
    wanted = organization(CHAIN)
    sources = {flow.id: flow.source for flow in wanted.flows}
    with_text = tuple(
        replace(flow, source=replace(source, text="password: hunter2"))
        if isinstance(source := sources[flow.id], SourceFile)
        else flow
        for flow in wanted.flows
    )
    other = replace(
        wanted, flows=with_text, credentials=replace(wanted.credentials, client_id=SecretSource(env="OTHER"))
    )
    plans = [
        make_plan(each, live_state(CHAIN), recorded_state(CHAIN), PlanInputs("r")).digest for each in (wanted, other)
    ]
    assert plans[0] == plans[1]
