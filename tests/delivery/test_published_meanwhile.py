"""What a person publishes in the middle of a delivery is neither overwritten in silence nor published over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from controller.delivery.result import Outcome, SyncResult
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import VERSIONED
from controller.domain.desired import HttpGate
from controller.simulator.control import person
from controller.simulator.flow import Action
from tests.delivery.probe import URL, Probe, probing
from tests.delivery.scenes import DESK, three_versions
from tests.delivery.site import NAME, Site, organization, states
from tests.support.audit import audit_entries
from tests.support.sources import inbound

GATES = pytest.mark.parametrize("status", [200, 500], ids=["gate passes", "gate fails"])
SWITCH = "/api/v2/routing/flows/{flowId}"


@pytest.fixture
async def versioned(tmp_path: Path) -> AsyncIterator[Site]:
    """2.0 is live, and 3.0 is asked for."""
    made = Site(tmp_path, organization=organization(dialect=VERSIONED))
    three_versions(made)
    made.clock.advance(60)
    yield made
    await made.close()


@pytest.fixture
async def architect(site: Site) -> Site:
    """1.0 is live, and the source of a second version is asked for."""
    site.want("desk", inbound("Desk", says="First"))
    await site.deliver()
    site.clock.advance(60)
    return site


@dataclass
class Moment:
    """Something that happens once, when delivery tells of an event like this."""

    name: str
    act: Callable[[], object]
    action: str | None = None
    stage: str | None = None
    then: Moment | None = None
    came: bool = False

    def __call__(self, event: DeliveryEvent) -> bool:
        fits = all(event.fields.get(key) == value for key, value in self._wanted().items())
        if event.name == self.name and fits and not self.came:
            self.came = True
            self.act()
        elif self.came and self.then is not None:
            self.then(event)
        return False

    def _wanted(self) -> dict[str, str]:
        return {key: value for key in ("action", "stage") if (value := getattr(self, key)) is not None}


def publish_by_hand(site: Site, version: str | None = None) -> Callable[[], None]:
    text = None if version else inbound("Desk", says="By hand")
    return lambda: site.by_hand("publish", DESK, text, version=version)


async def pinned(site: Site, moment: Moment, status: int) -> SyncResult:
    probing(site, Probe((status, {})))
    site.pin("desk", DESK, "3.0", gates=(HttpGate(URL),))
    site.crash_when = moment
    result = await site.deliver()
    assert moment.came
    return result


async def uploaded(site: Site, moment: Moment, status: int) -> SyncResult:
    probing(site, Probe((status, {})))
    site.settings = replace(site.settings, client_name="penstock")
    site.delivery = site._delivery()
    site.want("desk", inbound("Desk", says="Second"), gates=(HttpGate(URL),))
    site.crash_when = moment
    result = await site.deliver()
    assert moment.came
    return result


def published(site: Site) -> list[str]:
    return [entry.removeprefix(f"{DESK} ") for entry in site.publishes()]


def drift(site: Site) -> list[object]:
    return [entry.version for entry in audit_entries(site.store, NAME) if entry.action == "drift"]


def code(result: SyncResult) -> str | None:
    error = result.steps[0].error
    return None if error is None else error.code


@GATES
async def test_before_the_publish_nothing_is_sent(versioned: Site, status: int) -> None:
    result = await pinned(versioned, Moment("validation.done", publish_by_hand(versioned)), status)
    assert (code(result), result.outcome) == ("plan-stale", Outcome.FAILED)
    assert "4.0 is live instead of 2.0" in str(result.steps[0].error)
    assert published(versioned)[-1] == "4.0"
    assert versioned.simulator.flow(DESK.type, DESK.name).rollouts == []


@GATES
async def test_the_conflict_that_was_waited_for_is_somebodys_publish(versioned: Site, status: int) -> None:
    flow = versioned.simulator.flow(DESK.type, DESK.name)
    grace = person(versioned.simulator.organization, "Grace")
    running = None

    def begin() -> None:
        nonlocal running
        running = versioned.simulator.organization.operation(flow, Action.PUBLISH, grace, versioned.clock.now())

    def end() -> None:
        assert running is not None
        running.ended_at = versioned.clock.now()
        publish_by_hand(versioned)()

    ends = Moment("lock.waiting", end)
    result = await pinned(versioned, Moment("validation.done", begin, then=ends), status)
    assert ends.came
    assert code(result) == "plan-stale"
    assert published(versioned)[-1] == "4.0"
    assert flow.rollouts == []


@GATES
async def test_over_a_publish_that_has_ended_it_stays_and_is_drift(versioned: Site, status: int) -> None:
    result = await pinned(versioned, Moment("publish.progress", publish_by_hand(versioned), stage="1"), status)
    assert published(versioned)[-2:] == ["3.0", "4.0"]
    assert (code(result), result.outcome) == ("out-of-band-change", Outcome.FAILED)
    assert drift(versioned) == ["4.0"]
    assert versioned.simulator.calls.count("PUT", SWITCH) == 0
    plan = await versioned.plan()
    assert [(found.expected, found.actual) for found in plan.drift] == [("3.0", "4.0")]


@GATES
async def test_a_publish_that_it_cancelled_is_not_repeated(versioned: Site, status: int) -> None:
    moment = Moment("write.concluded", publish_by_hand(versioned), action="publish")
    result = await pinned(versioned, moment, status)
    assert published(versioned)[-1] == "4.0"
    assert states(result) == {"desk": "failed"}
    assert drift(versioned) == ["4.0"]


@GATES
@pytest.mark.parametrize("event", ["change.validated", "write.concluded"])
async def test_before_the_upload_nothing_is_sent(architect: Site, status: int, event: str) -> None:
    result = await uploaded(architect, Moment(event, publish_by_hand(architect)), status)
    assert (code(result), result.outcome) == ("plan-stale", Outcome.FAILED)
    assert published(architect) == ["1.0", "2.0"]


async def test_the_same_version_published_again_before_the_upload_is_seen(architect: Site) -> None:
    """Its number tells nothing; when it was published does."""
    result = await uploaded(architect, Moment("sync.started", publish_by_hand(architect, "1.0")), 200)
    assert code(result) == "plan-stale"
    assert "1.0 was published again" in str(result.steps[0].error)
    assert published(architect) == ["1.0", "1.0"]
    assert (await architect.deliver()).outcome is Outcome.SUCCEEDED


async def test_what_the_upload_replaced_is_told(architect: Site) -> None:
    moment = Moment("write.concluded", publish_by_hand(architect), action="upload")
    result = await uploaded(architect, moment, 200)
    assert result.outcome is Outcome.SUCCEEDED
    assert published(architect) == ["1.0", "2.0", "3.0"]
    assert drift(architect) == ["2.0"]
    assert any("2.0 was published by Grace while 3.0 was on its way" in message for message in result.steps[0].messages)


async def test_the_way_back_from_an_upload_leads_to_what_it_replaced(architect: Site) -> None:
    moment = Moment("write.concluded", publish_by_hand(architect), action="upload")
    result = await uploaded(architect, moment, 500)
    assert result.outcome is Outcome.ROLLED_BACK, result.steps[0].error
    assert published(architect) == ["1.0", "2.0", "3.0", "2.0"]


@GATES
async def test_over_an_upload_that_has_ended_it_stays_and_is_drift(architect: Site, status: int) -> None:
    """Where the organisation lists nothing, so that the job is polled; a listing tells as much as in the bake."""
    architect.platform.changes = None
    moment = Moment("publish.progress", publish_by_hand(architect), stage="Success")
    result = await uploaded(architect, moment, status)
    assert published(architect) == ["1.0", "2.0", "3.0"]
    assert code(result) == "out-of-band-change"
    assert drift(architect) == ["3.0"]
    assert [(found.expected, found.actual) for found in (await architect.plan()).drift][:1] == [("2.0", "3.0")]


async def test_a_job_that_failed_never_takes_a_persons_version_back(architect: Site) -> None:
    architect.fault("job-fails")
    moment = Moment("write.concluded", publish_by_hand(architect), action="upload")
    result = await uploaded(architect, moment, 200)
    assert states(result) == {"desk": "failed"}
    assert published(architect) == ["1.0", "2.0"]
    assert drift(architect) == ["2.0"]


@GATES
async def test_what_comes_in_the_bake_is_left_alone(architect: Site, status: int) -> None:
    result = await uploaded(architect, Moment("change.baking", publish_by_hand(architect)), status)
    assert published(architect) == ["1.0", "2.0", "3.0"]
    assert result.outcome in (Outcome.FAILED, Outcome.ROLLBACK_FAILED)
    assert any("3.0" in message and "left alone" in message for message in result.steps[0].messages)


async def test_what_depends_on_it_is_not_begun(architect: Site) -> None:
    architect.want("front", inbound("Front", transfers=["Desk"]))
    result = await uploaded(architect, Moment("change.baking", publish_by_hand(architect)), 200)
    assert states(result)["front"] == "skipped"
