"""The service's log tells what goes wrong with an organisation, once, and that it is over."""

from __future__ import annotations

from structlog.testing import capture_logs

from controller.service.trouble import Troubles
from tests.support.sources import inbound, module
from tests.support.world import World


class Log:
    """What passes over one organisation log beside `pass.done`."""

    def __init__(self) -> None:
        self._troubles = Troubles("acme")

    def of(self, report: object) -> list[tuple[str, str, object]]:
        """Level, event and flow (else code or outcome) of each event."""
        with capture_logs() as events:
            self._troubles.tell(report)  # type: ignore[arg-type]
        assert all(event["organization"] == "acme" for event in events)
        return [
            (each["log_level"], each["event"], each.get("flow") or each.get("code") or each.get("outcome"))
            for each in events
        ]


async def test_a_blocked_flow_is_a_warning_until_it_is_not_blocked_any_more(world: World) -> None:
    log = Log()
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.commit()

    first, again = log.of(await world.plan()), log.of(await world.plan())
    world.flow("hours", module("Hours"))
    world.commit()
    mended = log.of(await world.plan())

    assert first == [("warning", "flow.blocked", "front")]
    assert again == []
    assert mended == [("info", "trouble.over", None)]


async def test_a_version_that_somebody_published_is_a_warning(world: World) -> None:
    log = Log()
    world.flow("hours", module("Hours"))
    world.commit()

    delivered = log.of(await world.apply())
    world.by_hand("publish", "commonmodule", "Hours", module("Hours", says="By hand"))
    drifted = log.of(await world.plan())
    world.by_hand("publish", "commonmodule", "Hours", module("Hours", says="By another hand"))
    further = log.of(await world.plan())

    assert delivered == [("info", "sync.ended", "succeeded")]
    assert drifted == [("warning", "flow.drifted", "hours")]
    assert further == [("warning", "flow.drifted", "hours"), ("info", "trouble.over", None)]


async def test_a_delivery_that_failed_is_an_error_with_its_reasons(world: World) -> None:
    world.flow("hours", module("Hours"))
    world.commit()
    world.fail_publishes_of("Hours")
    report = await world.apply()

    with capture_logs() as events:
        Troubles("acme").tell(report)

    (ended,) = [event for event in events if event["event"] == "sync.ended"]
    assert ended["log_level"] == "error"
    assert "validation errors" in str(ended["errors"])


async def test_an_organisation_that_does_not_answer_is_a_warning_and_ends_no_other_trouble(world: World) -> None:
    log = Log()
    world.flow("front", inbound("Front", calls=["Hours"]))
    world.commit()
    log.of(await world.plan())
    world.fault("http-5xx")
    await world.restart()

    away = log.of(await world.plan())
    world.simulator.faults.clear()
    back = log.of(await world.plan())

    assert [each[:2] for each in away] == [("warning", "pass.failed")]
    assert back == [("info", "trouble.over", None)]
