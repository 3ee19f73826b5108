"""The end of `penstock apply`: what is done and what is not, how long it took, where the record is."""

from __future__ import annotations

from datetime import UTC, datetime

from controller.cli.apply_output import apply_text
from controller.delivery.result import Outcome, StepResult, SyncResult
from controller.domain.errors.change import PublishFailed
from controller.domain.errors.process import SettingsInvalid
from controller.domain.identity import FlowKey
from controller.domain.status import Health, StepState
from controller.planning.model import Change, ChangeKind
from controller.planning.rendering.layout import Screen, columns
from controller.reconcile.pass_ import Mode
from controller.reconcile.report import PassReport
from controller.repository.record import RecordedCommit

_AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
_RECORD = RecordedCommit("4f2a91c03b7d5e6f", "penstock/records", pushed=True, changed=True)
_SKIPPED = "main-ivr failed, and it must come first"


def step(number: int, flow: str, state: StepState, error: str = "") -> StepResult:
    change = Change(flow, FlowKey("inboundcall", flow), ChangeKind.PUBLISH, "id", "1.0", None, "the source changed", 1)
    return StepResult(
        change, state, number, version="2.0", previous_version="1.0", error=PublishFailed(error) if error else None
    )


STEPS = (
    *(step(number, f"team-{number}", StepState.RECORDED) for number in range(8)),
    step(8, "main-ivr", StepState.FAILED, "the organisation refused it"),
    step(9, "customer-satisfaction-survey-after-every-call", StepState.ROLLED_BACK),
    *(step(number, f"late-{number}", StepState.SKIPPED, _SKIPPED) for number in range(10, 13)),
)


def report(name: str, steps: tuple[StepResult, ...] = (), *, error: SettingsInvalid | None = None) -> PassReport:
    result = SyncResult(7, name, Outcome.FAILED, steps, _AT, _AT) if steps else None
    return PassReport(
        organization=name,
        mode=Mode.APPLY,
        revision="abc",
        plan=None,
        result=result,
        commit=_RECORD if steps else None,
        error=error,
        recovered=(),
        live={},
        recorded=None,
        duration_s=184.2,
        trigger="command",
        health=Health.HEALTHY,
        unpushed=None,
        kept_as=name,
        looked_fully_at=None,
    )


def test_the_end_counts_the_changes_and_names_the_record() -> None:
    assert apply_text([report("acme", STEPS)]).splitlines()[-3:] == [
        "",
        "acme: sync 7 failed after 3 min 04 s: 8 done, 1 failed, 1 rolled back, 3 skipped",
        "  recorded in penstock/records@4f2a91c03b7d, pushed",
    ]


def test_signs_tell_the_ends_apart_and_one_reason_is_told_once() -> None:
    lines = apply_text([report("acme", STEPS)]).splitlines()

    assert [line[2] for line in lines if line[:2] == "  " and line[2] in "~!<."] == [*"~~~~~~~~", "!", "<", *"..."]
    assert [line for line in lines if _SKIPPED in line] == [f"      these 3: {_SKIPPED}"]


def test_no_line_is_wider_than_the_terminal() -> None:
    assert max(map(columns, apply_text([report("acme", STEPS)], Screen(80)).splitlines())) <= 80


def test_several_organisations_are_told_apart_and_each_has_its_summary_at_the_end() -> None:
    refused = report("rival", error=SettingsInvalid("rival: no credentials", hint="set them"))
    lines = apply_text([report("acme", STEPS), refused, report("third")]).splitlines()

    assert lines[0] == "acme"
    assert lines[lines.index("rival") + 1] == "penstock: rival: no credentials"
    assert lines[-3:] == [
        "  recorded in penstock/records@4f2a91c03b7d, pushed",
        "rival: not delivered, see above [settings-invalid]",
        "third: in sync, nothing to do",
    ]
