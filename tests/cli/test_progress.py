"""What is shown while a delivery runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console
from rich.live import Live

from controller.cli.progress import LiveTable, PlainLines
from controller.delivery import DeliveryEvent


def event(name: str, flow: str | None = "main-ivr", **fields: object) -> DeliveryEvent:
    return DeliveryEvent(name, "acme", 1, flow, fields)


def shown(*events: DeliveryEvent) -> str:
    """The last picture of the live table."""
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100)
    with Live(console=console, auto_refresh=False) as live:
        table = LiveTable(live)
        for each in events:
            table.progressed(each)
        live.refresh()
    return output.getvalue()


def test_a_terminal_shows_step_percentage_and_time_left() -> None:
    picture = shown(event("change.publishing"), event("publish.progress", percent=40.0, stage=None, eta_s=12.0))

    assert "publishing" in picture
    assert "40 %" in picture
    assert "12 s" in picture


def test_a_lock_that_is_waited_for_names_its_holder() -> None:
    assert "locked by Ada" in shown(event("lock.waiting", holder="Ada", wait_s=15))


def test_names_from_an_organisation_are_no_markup() -> None:
    assert "[red]x" in shown(event("change.live", flow="[red]x"))


def test_without_a_terminal_each_step_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PlainLines()
    lines.progressed(event("change.publishing", version=None))
    lines.progressed(event("publish.progress", percent=40))
    lines.progressed(event("change.live", version="2.0"))
    lines.progressed(event("sync.finished", flow=None))

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "  main-ivr: publishing\n  main-ivr: live 2.0\n"


def test_what_holds_a_change_up_is_told_once_and_cannot_write_to_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = PlainLines()
    for _ in range(3):
        lines.progressed(event("lock.waiting", holder="Ada\x1b[31m", wait_s=15))
    lines.progressed(event("rollback.attempt-failed", message="503"))
    lines.progressed(event("change.rolled-back", version="1.0"))

    assert capsys.readouterr().err == (
        "  main-ivr: waits: locked by Ada\\x1b[31m\n"
        "  main-ivr: not back yet, tried again: 503\n"
        "  main-ivr: rolled-back 1.0\n"
    )
    assert "not back yet" in shown(event("rollback.attempt-failed", message="503"))


def test_a_first_look_tells_how_many_versions_are_read() -> None:
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100)
    with Live(console=console, auto_refresh=False) as live:
        LiveTable(live).looked(3, 300)
        live.refresh()

    assert "3 of 300 versions" in output.getvalue()
