"""Answers that nobody can read say nothing about what was published: it is neither taken back nor quarantined."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliveryEvent, DeliverySettings
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.organization import BadAnswer, ServerFault
from tests.delivery.scenes import DESK, three_versions
from tests.delivery.site import NAME, Site, organization
from tests.support.sources import inbound

PATIENCE = DeliverySettings(publish_timeout_s=60, upload_timeout_s=96)
"""A tenth of the usual, so that what stays unreadable is read a dozen times instead of hundreds."""
WRITES = ("publish", "switch", "upload")
LOOK = {"method": "GET", "route": "/api/v2/flows/{flowId}"}
UNREADABLE = {
    "wrong-type": BadAnswer,
    "missing-field": BadAnswer,
    "truncated-json": ServerFault,
    "html-error": ServerFault,
}


@pytest.fixture(params=[ARCHITECT, VERSIONED])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """`desk` has three versions, 2.0 is live and recorded."""
    made = Site(tmp_path, organization=organization(dialect=request.param), settings=PATIENCE)
    three_versions(made)
    made.pin("desk", DESK, "2.0")
    await made.deliver()
    made.pin("desk", DESK, "1.0")
    yield made
    await made.close()


def unreadable_once_written(site: Site, kind: str, times: int | None = None, **match: str) -> None:
    """From the answer to the write on, reads are answered with something that makes no sense, so many times."""

    def written(event: DeliveryEvent) -> bool:
        if event.name == "write.answered" and event.fields["action"] in WRITES and not site.simulator.faults.shown():
            site.fault(kind, match=match or {"method": "GET"}, times=times)
        return False

    site.crash_when = written


def innocent(site: Site) -> bool:
    return site.store.quarantines.active(NAME) == ()


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("kind", UNREADABLE)
async def test_a_few_bad_answers_after_a_publish_are_not_seen_in_the_result(site: Site, kind: str, times: int) -> None:
    before = len(site.publishes())
    unreadable_once_written(site, kind, times)

    result = await site.deliver()

    [fault] = site.simulator.faults.shown()
    assert fault["hits"] == times
    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert site.live() == {str(DESK): "1.0"}
    assert len(site.publishes()) == before + 1
    assert innocent(site)


@pytest.mark.parametrize(("kind", "error"), UNREADABLE.items())
async def test_what_stays_unreadable_is_left_as_it_is_and_read_again_by_the_next_pass(
    site: Site, kind: str, error: type[PenstockError]
) -> None:
    before = len(site.publishes())
    unreadable_once_written(site, kind)

    result = await site.deliver()

    [step] = result.steps
    assert (result.outcome, type(step.error), step.parked) == (Outcome.UNDETERMINED, error, True)
    assert "change.rolling-back" not in site.names()
    with pytest.raises(error):
        await site.recover()
    assert site.live() == {str(DESK): "1.0"}
    assert innocent(site)

    site.simulator.faults.clear()
    await site.restart()
    [recovered] = (await site.recover()).syncs
    assert recovered.outcome is Outcome.SUCCEEDED, recovered.steps[0].error
    assert len(site.publishes()) == before + 1
    assert (await site.plan()).empty


@pytest.mark.parametrize("kind", ["reset", "http-5xx"])
async def test_an_answer_that_was_lost_and_cannot_be_looked_for_is_looked_for_by_the_next_pass(
    site: Site, kind: str
) -> None:
    """Where it did not take effect, as on the dialect that reads before it switches, it is made then."""
    before = len(site.publishes())
    switching = {ARCHITECT: "/api/v2/flows/actions/publish", VERSIONED: "/api/v2/routing/flows/{flowId}"}
    site.fault(kind, name="lost", match={"route": switching[site.organization.dialect]}, point="after", times=4)

    def intended(event: DeliveryEvent) -> bool:
        if event.name == "write.intended" and event.fields["action"] in WRITES:
            site.fault("wrong-type", match={"method": "GET"})
        return False

    site.crash_when = intended
    result = await site.deliver()

    [step] = result.steps
    assert (result.outcome, type(step.error), step.parked) == (Outcome.UNDETERMINED, BadAnswer, True)
    assert "change.rolling-back" not in site.names()
    assert innocent(site)
    site.simulator.faults.clear()
    await site.restart()
    await site.converge()
    assert site.live() == {str(DESK): "1.0"}
    assert len(site.publishes()) == before + 1
    assert (await site.plan()).empty


async def test_a_lost_upload_that_cannot_be_looked_for_is_looked_for_by_the_next_pass(tmp_path: Path) -> None:
    site = Site(tmp_path, settings=PATIENCE)
    site.want("desk", inbound("Desk"))
    site.fault("http-5xx", name="lost", match={"method": "PUT"}, point="after")
    site.fault("wrong-type", match={"route": "/api/v2/flows/jobs/{jobId}"})

    result = await site.deliver()

    assert (result.outcome, result.steps[0].parked) == (Outcome.UNDETERMINED, True)
    assert innocent(site)
    site.simulator.faults.clear()
    await site.restart()
    await site.converge()
    assert site.publishes() == ["inboundcall/Desk 1.0"]
    assert (await site.plan()).empty
    await site.close()


async def test_what_depends_on_a_version_that_nobody_could_verify_is_not_begun(tmp_path: Path) -> None:
    """What does not depend on it goes on, and nothing that is known to be well is taken back."""
    site = Site(tmp_path, settings=PATIENCE)
    site.want("desk", inbound("Desk"))
    site.want("front", inbound("Front", transfers=["Desk"]))
    site.want("other", inbound("Other"))
    unreadable_once_written(site, "wrong-type", **LOOK, flow="Desk")

    result = await site.deliver()

    states = {step.change.flow: step.state.value for step in result.steps}
    assert states == {"desk": "publishing", "front": "skipped", "other": "exported"}
    site.simulator.faults.clear()
    await site.restart()
    await site.converge()
    assert site.live() == {"inboundcall/Desk": "1.0", "inboundcall/Front": "1.0", "inboundcall/Other": "1.0"}
    assert len(site.publishes()) == 3
    await site.close()
