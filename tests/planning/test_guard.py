"""What is refused before the first write, in which words, and what lifts it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from controller.domain.desired import Organization, Safety, SyncMode, SyncPolicy, Window, WindowKind
from controller.domain.errors.delivery import NotConfirmed, SafetyLimit, SyncSuspended, WindowClosed
from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.suspension import Suspension
from controller.planning.guard import Confirmations, guard, refusals
from controller.planning.inputs import PlanInputs
from controller.planning.model import Blocked, Plan
from controller.planning.plan import make_plan
from tests.planning.compact import live_state, organization, recorded_state

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)  # a Monday


def _voice(count: int = 20, changed: int = 0, orphans: int = 0) -> tuple[Organization, Plan]:
    """An organisation of `count` recorded flows, of which some changed in git and some are gone from it."""
    names = [f"f{index:02}" for index in range(count)]
    kept = names[orphans:]
    desired = {
        name: {"key": f"inboundcall/{name}", "digest": "new" if index < changed else "old"}
        for index, name in enumerate(kept)
    }
    states = {
        "organization": {"name": "voice", "prune": True},
        "desired": desired,
        "live": {f"inboundcall/{name}": {"version": "1.0"} for name in names},
        "recorded": {f"inboundcall/{name}": {"manifest": name, "version": "1.0", "digest": "old"} for name in names},
    }
    wanted = organization(states)
    return wanted, make_plan(wanted, live_state(states), recorded_state(states), PlanInputs("r"))


def _mode(wanted: Organization, mode: SyncMode) -> Organization:
    return replace(wanted, sync=SyncPolicy(mode))


def test_a_plan_within_the_limits_passes() -> None:
    """6 of 20 flows are 30 %, and the limit is what may be, not what may not."""
    wanted, plan = _voice(20, changed=6)
    guard(plan, wanted, NOW)


def test_a_plan_that_changes_too_much_is_refused_with_numbers_and_the_way_out() -> None:
    """The message can be acted upon without looking anything up."""
    wanted, plan = _voice(20, changed=12)
    with pytest.raises(SafetyLimit) as caught:
        guard(plan, wanted, NOW)
    assert caught.value.message == (
        "voice: would change 12 of 20 flows (60 %, limit 30 %); raise safety.maxUpdatePercent or pass --force"
    )


def test_force_lifts_the_limits() -> None:
    wanted, plan = _voice(20, changed=12)
    guard(plan, wanted, NOW, Confirmations(force=True))


def test_small_organisations_have_no_limit() -> None:
    """With fewer flows than safety.minimumExisting a percentage says nothing."""
    wanted, plan = _voice(9, changed=9)
    guard(plan, wanted, NOW)
    with pytest.raises(SafetyLimit):
        guard(plan, replace(wanted, safety=Safety(minimum_existing=9)), NOW)


def test_creating_and_adopting_do_not_count_as_changing() -> None:
    """A first adoption of a large organisation, and many new flows, replace nothing that is live."""
    names = [f"f{index:02}" for index in range(30)]
    states = {
        "desired": {name: {"key": f"inboundcall/{name}", "digest": "a"} for name in names},
        "live": {f"inboundcall/{name}": {"version": "1.0", "digest": "a"} for name in names[:15]},
    }
    wanted = organization(states)
    plan = make_plan(wanted, live_state(states), recorded_state(states), PlanInputs("r"))
    assert (plan.summary()["create"], plan.summary()["adopt"]) == (15, 15)
    guard(plan, wanted, NOW)


def test_blocked_changes_do_not_count() -> None:
    """Only what would be carried out is held against the limit."""
    wanted, plan = _voice(20, changed=12)
    locked = Blocked("flow-locked", "locked by Jane")
    changes = [replace(change, blocked=locked) if index >= 6 else change for index, change in enumerate(plan.changes)]
    guard(replace(plan, changes=tuple(changes)), wanted, NOW)


def test_removals_need_a_word_and_keep_a_limit_of_their_own() -> None:
    wanted, plan = _voice(20, orphans=2)
    with pytest.raises(NotConfirmed, match="would unpublish or delete f00, f01"):
        guard(plan, wanted, NOW)
    guard(plan, wanted, NOW, Confirmations(prune=True))
    wanted, plan = _voice(20, orphans=8)
    with pytest.raises(SafetyLimit, match=r"would take away 8 of 20 flows \(40 %, limit 30 %\)"):
        guard(plan, wanted, NOW, Confirmations(prune=True))


def test_removals_that_nobody_confirmed_hold_nothing_else_back() -> None:
    wanted, plan = _voice(20, changed=2, orphans=2)
    allowed = guard(plan, wanted, NOW)
    assert {change.flow: change.blocked and change.blocked.code for change in allowed.actions} == {
        "f00": "not-confirmed",
        "f01": "not-confirmed",
        "f02": None,
        "f03": None,
    }
    assert allowed.digest == plan.digest
    assert guard(plan, wanted, NOW, Confirmations(prune=True)) == plan
    assert guard(plan, wanted, NOW, Confirmations(approved_digest=plan.digest)) == plan


def test_an_emptied_folder_is_refused_whatever_the_thresholds_say() -> None:
    """Losing all manifests is more likely a mistake in the repository than a wish."""
    wanted, plan = _voice(2, orphans=2)
    assert wanted.flows == ()
    with pytest.raises(SafetyLimit, match="no Flow manifest is left, although 2 recorded flows are still live"):
        guard(plan, wanted, NOW, Confirmations(prune=True))
    guard(plan, wanted, NOW, Confirmations(prune=True, force=True))


def test_manual_mode_needs_the_approval_of_just_this_plan() -> None:
    wanted, plan = _voice(3, changed=1)
    wanted = _mode(wanted, SyncMode.MANUAL)
    with pytest.raises(NotConfirmed, match=plan.digest):
        guard(plan, wanted, NOW)
    with pytest.raises(NotConfirmed, match="sha256:other was"):
        guard(plan, wanted, NOW, Confirmations(approved_digest="sha256:other"))
    guard(plan, wanted, NOW, Confirmations(approved_digest=plan.digest))


def test_observe_mode_changes_nothing_and_force_does_not_lift_it() -> None:
    wanted, plan = _voice(3, changed=1)
    with pytest.raises(SyncSuspended, match="observe"):
        guard(plan, _mode(wanted, SyncMode.OBSERVE), NOW, Confirmations(force=True))


def test_a_plan_with_nothing_to_do_passes_in_every_mode() -> None:
    wanted, plan = _voice(3)
    for mode in SyncMode:
        guard(plan, _mode(wanted, mode), NOW)


def test_a_suspended_organisation_is_refused() -> None:
    wanted, plan = _voice(3)
    with pytest.raises(SyncSuspended, match="suspended"):
        guard(plan, replace(wanted, suspended=True), NOW)


def test_a_closed_window_says_how_long_to_wait() -> None:
    """The caller gets seconds, the person gets the time."""
    wanted, plan = _voice(3, changed=1)
    wanted = replace(wanted, windows=(Window(WindowKind.DENY, "0 8 * * 1-5", 36_000, "UTC"),))
    with pytest.raises(WindowClosed, match="2026-01-05T18:00:00") as caught:
        guard(plan, wanted, NOW)
    assert caught.value.retry_after_s == 6 * 3600
    guard(plan, wanted, NOW, Confirmations(ignore_windows=True))


def test_recording_what_is_live_needs_no_window() -> None:
    """Adopting changes nothing in the organisation."""
    states = {
        "desired": {"ivr": {"key": "inboundcall/IVR", "digest": "a"}},
        "live": {"inboundcall/IVR": {"version": "1.0", "digest": "a"}},
    }
    wanted = replace(organization(states), windows=(Window(WindowKind.DENY, "* * * * *", 3600, "UTC"),))
    guard(make_plan(wanted, live_state(states), recorded_state(states), PlanInputs("r")), wanted, NOW)


def test_all_refusals_are_told_at_once() -> None:
    """Lifting one refusal never brings up the next."""
    wanted, plan = _voice(20, changed=12, orphans=8)
    wanted = replace(_mode(wanted, SyncMode.MANUAL), windows=(Window(WindowKind.DENY, "0 8 * * *", 36_000),))
    assert [type(found) for found in refusals(plan, wanted, NOW)] == [
        SafetyLimit,
        SafetyLimit,
        NotConfirmed,
        NotConfirmed,
        WindowClosed,
    ]
    with pytest.raises(SafetyLimit) as caught:
        guard(plan, wanted, NOW)
    for words in ("would change 12", "would take away 8", "not approved", "f00", "it opens at"):
        assert words in caught.value.message
    assert str(caught.value) == caught.value.message


def test_an_unreadable_window_is_a_mistake_in_the_manifest() -> None:
    """No foreign exception leaves the package."""
    wanted, plan = _voice(3, changed=1)
    for window in (Window(WindowKind.DENY, "nonsense", 60), Window(WindowKind.DENY, "0 8 * * *", 60, "Mars/Base")):
        with pytest.raises(ManifestInvalid, match=r"spec\.windows of voice"):
            guard(plan, replace(wanted, windows=(window,)), NOW)


def test_a_refusal_for_several_reasons_names_every_way_out() -> None:
    """Who lifts what the first reason names alone would only be refused again."""
    wanted, plan = _voice(20, orphans=20)

    with pytest.raises(SafetyLimit) as caught:
        guard(plan, wanted, NOW)

    assert "no Flow manifest is left" in caught.value.message
    assert "would unpublish or delete" in caught.value.message
    assert all(way in f"{caught.value.message} {caught.value.hint}" for way in ("--force", "--confirm-prune"))


def test_a_persons_suspension_says_who_when_and_why_and_nothing_lifts_it_but_its_end() -> None:
    wanted, plan = _voice(20, changed=2)
    suspension = Suspension("voice", "ada", "an incident in the region", NOW)
    everything = Confirmations(approved_digest=plan.digest, force=True, prune=True, ignore_windows=True)
    with pytest.raises(SyncSuspended) as refused:
        guard(plan, wanted, NOW, everything, suspension)
    assert refused.value.message == "voice: ada suspended it at 2026-01-05 12:00 UTC: an incident in the region"
    assert refused.value.hint == "`penstock resume --organization voice` lets deliveries begin again"
    guard(plan, wanted, NOW, everything, None)


def test_a_persons_suspension_refuses_nothing_where_nothing_changes() -> None:
    wanted, plan = _voice(20)
    assert guard(plan, wanted, NOW, None, Suspension("voice", "ada", "an incident", NOW)) == plan
