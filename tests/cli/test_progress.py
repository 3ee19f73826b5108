"""What is shown while a delivery runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.live import Live
from rich.text import Text

from controller.cli.delivery_progress import LiveTable, PlainLines
from controller.cli.progress_bars import ExportLines
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.export_estimate import ExportEstimate
from controller.domain.identity import FlowKey
from controller.planning.model import Change, ChangeKind, Plan


def event(name: str, flow: str | None = "main-ivr", **fields: object) -> DeliveryEvent:
    return DeliveryEvent(name, "acme", 1, flow, fields)


def plan(organization: str, *flows: str) -> Plan:
    """Each of the flows is to be created."""
    changes = tuple(
        Change(flow, FlowKey("inboundcall", flow), ChangeKind.CREATE, None, None, None, reason="new", wave=1)
        for flow in flows
    )
    return Plan(organization, "0123abc", "sha256:0", changes)


class Screen:
    """A terminal of so many lines, with the live table on it and a clock that is moved by hand."""

    def __init__(self, height: int = 25) -> None:
        self._output = io.StringIO()
        self._live = Live(
            console=Console(file=self._output, force_terminal=True, width=100, height=height), auto_refresh=False
        )
        self.now = 1000.0
        self.table = LiveTable(self._live, lambda: self.now)

    def tell(self, *events: DeliveryEvent) -> None:
        for each in events:
            self.table.progressed(each)

    def after(self, seconds: float) -> list[str]:
        """The lines of the picture so much later; nothing else happens meanwhile."""
        self.now += seconds
        self._output.seek(0)
        self._output.truncate()
        self._live.start()
        self._live.refresh()
        picture = Text.from_ansi(self._output.getvalue()).plain
        self._live.stop()
        return [" ".join(line.split()) for line in picture.splitlines() if line.strip()]


def shown(*events: DeliveryEvent) -> str:
    """The last picture of the live table."""
    screen = Screen()
    screen.tell(*events)
    return "\n".join(screen.after(0))


def test_a_terminal_shows_step_percentage_and_time_left() -> None:
    picture = shown(event("change.publishing"), event("publish.progress", percent=40.0, stage=None, eta_s=12.0))

    assert picture.splitlines()[-1] == "main-ivr publishing 40 % 12 s 0 s"
    assert "11 %, stage 2 " in shown(event("publish.progress", percent=11.0, stage="2", eta_s=60.0))


def test_a_file_is_ready_before_it_is_sent_and_validated_when_the_organisation_says_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = PlainLines()
    for each in (event("change.validated"), event("change.publishing"), event("validation.done", passed=True)):
        lines.progressed(each)

    told = [line.strip() for line in capsys.readouterr().err.splitlines()]
    assert told == ["main-ivr: ready", "main-ivr: publishing", "main-ivr: validated"]
    assert shown(event("change.validated")).splitlines()[-1] == "main-ivr ready 0 s"


def test_time_goes_on_while_nothing_happens_and_stops_with_the_change() -> None:
    screen = Screen()
    screen.tell(event("change.publishing"), event("publish.progress", percent=40.0, stage="Started", eta_s=120.0))

    assert screen.after(50)[-1] == "main-ivr publishing 40 %, Started 1 min 10 s 50 s"
    assert screen.after(100)[-1] == "main-ivr publishing 40 %, Started 2 min 30 s"
    screen.tell(event("change.exported"))
    assert screen.after(5000)[-1] == "main-ivr exported 2 min 30 s"


def test_a_bake_tells_its_share_and_what_is_left_of_it() -> None:
    """Also one that a crash interrupted, of which half was over when it was gone on with."""
    screen = Screen()
    screen.tell(event("change.baking"), event("bake.begun", left_s=600.0, of_s=600.0))
    assert screen.after(150)[-1] == "main-ivr baking 25 % 7 min 30 s 2 min 30 s"

    again = Screen()
    again.tell(event("bake.begun", left_s=300.0, of_s=600.0))
    assert again.after(0)[-1] == "main-ivr baking 50 % 5 min 00 s 0 s"
    assert again.after(400)[-1] == "main-ivr baking 100 % 6 min 40 s"


def test_what_is_to_come_is_shown_from_the_start_and_of_one_organisation_at_a_time() -> None:
    screen = Screen()
    screen.table.planned(plan("acme", "hours", "front"))
    screen.tell(event("change.publishing", "hours"))
    assert screen.after(0)[-2:] == ["hours publishing 0 s", "front pending"]

    screen.table.planned(plan("rival", "hours"))
    assert screen.after(0)[-1] == "hours pending"
    assert "front pending" not in screen.after(0)


def test_a_small_terminal_shows_what_is_under_way_and_counts_the_rest() -> None:
    screen = Screen(height=6)
    screen.table.planned(plan("acme", *(f"f{number}" for number in range(9))))
    for number in range(4):
        screen.tell(event("change.exported", f"f{number}"))
    screen.tell(event("change.publishing", "f4"))

    assert [line.split()[0] for line in screen.after(0)][-5:] == ["FLOW", "f4", "f5", "f6", "..."]
    assert screen.after(0)[-1] == "... and 4 that ended, 2 to come"


def test_a_lock_that_is_waited_for_names_its_holder() -> None:
    assert "locked by Ada" in shown(event("lock.waiting", holder="Ada", wait_s=15))


def test_names_from_an_organisation_are_no_markup() -> None:
    assert "[red]x" in shown(event("change.live", flow="[red]x"))


def test_without_a_terminal_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainLines()
    lines.progressed(event("change.publishing", version=None))
    lines.progressed(event("publish.progress", percent=40))
    lines.progressed(event("rollout.stage", stage=None, percent=0))
    lines.progressed(event("rollout.stage", stage="2", percent=40))
    lines.progressed(event("change.live", version="2.0"))
    lines.progressed(event("sync.finished", flow=None))

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "  main-ivr: publishing\n  main-ivr: in stage 2\n  main-ivr: live 2.0\n"


def test_what_holds_a_change_up_is_told_once_and_cannot_write_to_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = PlainLines()
    for _ in range(3):
        lines.progressed(event("lock.waiting", holder="Ada\x1b[31m", wait_s=15))
    lines.progressed(event("rollback.attempt-failed", message="503"))
    lines.progressed(event("change.rolled-back", version="1.0"))
    lines.progressed(event("verify.unread", message="502"))

    assert capsys.readouterr().err == (
        "  main-ivr: waits: locked by Ada\\x1b[31m\n"
        "  main-ivr: not back yet, tried again: 503\n"
        "  main-ivr: rolled-back 1.0\n"
        "  main-ivr: not known yet, read again later: 502\n"
    )
    assert "not back yet" in shown(event("rollback.attempt-failed", message="503"))


def test_a_first_look_tells_how_many_versions_are_read() -> None:
    screen = Screen()
    screen.table.looked(3, 300)

    assert "3 of 300 versions" in screen.after(0)[-1]


def test_an_export_of_many_flows_shows_what_it_takes_beside_its_bar() -> None:
    screen = Screen()
    screen.table.exporting(ExportEstimate(flows=10_000, calls=600, calls_a_minute=300))
    screen.table.looked(2500, 10_000)

    said = " ".join(screen.after(0))
    assert "10000 flows: about 600 calls, at least 2 minutes at 300 calls a minute" in said
    assert "2500 of 10000 versions" in said


@pytest.mark.parametrize("lines_of", [ExportLines, PlainLines])
def test_without_a_terminal_many_exports_tell_their_estimate_and_a_line_at_intervals(
    capsys: pytest.CaptureFixture[str], lines_of: type[ExportLines]
) -> None:
    now = 1000.0
    lines = lines_of(lambda: now)
    lines.exporting(ExportEstimate(flows=120, calls=9, calls_a_minute=300))
    for done in range(1, 121):
        now += 1.0
        lines.looked(done, 120)

    assert capsys.readouterr().err == (
        "exporting 120 flows: about 9 calls, at least 1 minute at 300 calls a minute\n"
        "exported 30 of 120 flows\nexported 60 of 120 flows\nexported 90 of 120 flows\nexported 120 of 120 flows\n"
    )


def test_few_exports_print_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ExportLines()
    lines.exporting(ExportEstimate(flows=50, calls=3, calls_a_minute=300))
    lines.looked(50, 50)

    assert capsys.readouterr().err == ""
