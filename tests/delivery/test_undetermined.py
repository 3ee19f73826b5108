"""Not seen is not gone, and not finished is not failed: once a write was accepted, no read ends it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from controller.delivery.result import Outcome
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.desired import Rollout
from controller.domain.errors.change import PublishTimedOut
from controller.domain.platform import Progress, Ticket
from controller.simulator.staging import cancel
from tests.delivery.scenes import DESK, three, three_versions
from tests.delivery.site import NAME, SETTINGS, Site, organization, states
from tests.support.sources import inbound, module

STATUS = "/api/v2/flows/{flowId}/versions/{versionId}/publishstatus"
JOB = "/api/v2/flows/jobs/{jobId}"
VERSIONS = {
    ARCHITECT: "/api/v2/flows/{flowId}/versions",
    VERSIONED: "/api/v2/routing/flows/{flowId}/versions",
}
LOCKED = (
    "is locked by another entity. You can use the --forceUnlock command line parameter if you wish to publish "
    "flows locked by another entity."
)
REFUSALS = [401, 403, 404, 410, 400, 503]


@pytest.fixture(params=[ARCHITECT, VERSIONED])
async def pinned(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Site]:
    """`desk` is at 2.0, and its draft 3.0 is wanted."""
    made = Site(tmp_path, organization=organization(dialect=request.param))
    three_versions(made)
    made.pin("desk", DESK, "2.0")
    await made.deliver()
    made.pin("desk", DESK, "3.0")
    yield made
    await made.close()


def innocent(site: Site) -> bool:
    return site.store.quarantines.active(NAME) == ()


@pytest.mark.parametrize("status", REFUSALS)
@pytest.mark.parametrize("pinned", [VERSIONED], indirect=True)
async def test_a_publish_whose_status_is_refused_for_a_while_is_looked_at_on(pinned: Site, status: int) -> None:
    before = len(pinned.publishes())
    pinned.fault("http-5xx", status=status, match={"route": STATUS}, times=6)

    result = await pinned.deliver()

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert pinned.live() == {str(DESK): "3.0"}
    assert len(pinned.publishes()) == before + 1
    assert innocent(pinned)


@pytest.mark.parametrize("status", REFUSALS)
async def test_an_upload_whose_job_is_refused_for_a_while_is_looked_at_on(site: Site, status: int) -> None:
    site.want("desk", inbound("Desk"))
    site.fault("http-5xx", status=status, match={"route": JOB}, times=6)

    result = await site.deliver()

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert site.publishes() == ["inboundcall/Desk 1.0"]
    assert innocent(site)


@pytest.mark.parametrize("pinned", [VERSIONED], indirect=True)
async def test_a_publish_whose_status_is_never_found_is_what_is_live_in_the_end(pinned: Site) -> None:
    """The status tells nothing for all of its time, and the flow does."""
    pinned.fault("http-5xx", status=404, match={"route": STATUS})

    result = await pinned.deliver()

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert "its version is live" in result.steps[0].messages[0]
    assert innocent(pinned)


async def test_a_job_that_outlasts_its_time_is_recorded_once_it_ended_well(site: Site) -> None:
    """Nothing is quarantined and nothing is sent twice, however many passes look in between."""
    site.simulator.configure(replace(SETTINGS, upload_s=3_000))
    site.want("hours", module("Hours"))

    result = await site.deliver()

    [step] = result.steps
    assert (result.outcome, step.parked) == (Outcome.UNDETERMINED, True)
    assert isinstance(step.error, PublishTimedOut)
    assert innocent(site)
    for _ in range(2):
        await site.restart()
        with pytest.raises(PublishTimedOut):
            await site.recover()
    site.clock.advance(3_000)
    await site.restart()
    [recovered] = (await site.recover()).syncs
    assert recovered.outcome is Outcome.SUCCEEDED
    assert site.publishes() == ["commonmodule/Hours 1.0"]
    assert innocent(site)
    assert (await site.plan()).empty


async def test_a_manifest_lets_its_publish_take_longer(site: Site) -> None:
    site.simulator.configure(replace(SETTINGS, upload_s=3_000))
    site.want("desk", inbound("Desk"), rollout=Rollout(timeout_s=3_600))
    assert (await site.deliver()).outcome is Outcome.SUCCEEDED


async def test_a_job_that_outlasts_its_time_makes_way_for_what_git_asks_for_next(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    await site.deliver()
    site.simulator.configure(replace(SETTINGS, upload_s=100_000))
    site.want("desk", inbound("Desk", says="Slow"))
    assert (await site.deliver()).outcome is Outcome.UNDETERMINED
    site.simulator.configure(SETTINGS)
    site.want("desk", inbound("Desk", says="Quick"))
    await site.restart()

    await site.converge()

    assert site.live() == {str(DESK): "2.0"}
    assert (await site.plan()).empty


async def test_a_job_that_is_not_seen_right_after_a_crash_is_not_sent_again(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    site.crash_when = lambda event: event.name == "write.concluded" and event.fields["action"] == "upload"
    with pytest.raises(BaseException, match="concluded"):
        await site.deliver()
    await site.restart()
    site.fault("http-5xx", status=404, match={"route": JOB}, times=9)

    [recovered] = (await site.recover()).syncs

    assert recovered.outcome is Outcome.SUCCEEDED
    assert site.publishes() == ["inboundcall/Desk 1.0"]


async def test_a_job_of_which_nothing_is_known_when_its_time_is_over_is_planned_anew(site: Site) -> None:
    site.simulator.configure(replace(SETTINGS, upload_s=100_000))
    site.want("desk", inbound("Desk"))
    await site.deliver()
    site.simulator.configure(SETTINGS)
    site.fault("http-5xx", status=404, match={"route": JOB}, times=6)
    await site.restart()

    await site.converge()

    assert site.publishes() == ["inboundcall/Desk 1.0"]
    assert (await site.plan()).empty


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_read_that_fails_before_anything_was_written_says_nothing_about_content(
    pinned: Site, status: int
) -> None:
    """What was published beside it stays as well."""
    pinned.fault("http-5xx", status=status, match={"route": VERSIONS[pinned.organization.dialect]})

    result = await pinned.deliver()

    assert result.steps[0].error is not None
    assert innocent(pinned)
    pinned.simulator.faults.clear()
    assert (await pinned.deliver()).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize(
    "message",
    [
        "",
        "Architect Scripting session ended in error ( code: 99 )",
        "Request failed: status code 429, too many requests",
        LOCKED,
    ],
)
async def test_a_job_that_failed_of_nothing_in_the_file_is_sent_once_more(site: Site, message: str) -> None:
    site.want("desk", inbound("Desk"))
    site.fault("job-fails", message=message, times=1)

    result = await site.deliver()

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert site.publishes() == ["inboundcall/Desk 1.0"]
    assert innocent(site)


async def test_a_job_that_fails_again_of_nothing_in_the_file_takes_nothing_back(site: Site) -> None:
    three(site)
    site.fault("job-fails", message="", match={"flow": "Front"})

    result = await site.deliver()

    assert states(result) == {"hours": "exported", "desk": "exported", "front": "failed"}
    front = result.steps[-1]
    assert front.error is not None
    assert front.error.code == "publish-unexplained"
    assert innocent(site)
    site.simulator.faults.clear()
    assert (await site.deliver()).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("pinned", [VERSIONED], indirect=True)
async def test_a_publish_that_was_refused_each_time_is_told_to_have_had_no_effect(pinned: Site) -> None:
    """What was published beside it stays: reading showed that there is nothing to take back."""
    before = pinned.publishes()
    publish = "/api/v2/flows/{flowId}/versions/{versionId}/publish"
    pinned.fault("http-5xx", match={"method": "POST", "route": publish})

    [step] = (await pinned.deliver()).steps

    assert step.error is not None
    assert step.error.message.endswith("sent 3 times, and reading showed each time that it had not taken effect")
    assert (pinned.publishes(), innocent(pinned)) == (before, True)
    assert "change.rolling-back" not in pinned.names()


@pytest.mark.parametrize("pinned", [VERSIONED], indirect=True)
async def test_a_publish_that_hangs_is_looked_at_ever_more_rarely(pinned: Site) -> None:
    """An organisation that foresees its end at once, over and over, does not use up the request budget."""
    pinned.simulator.configure(replace(SETTINGS, publish_s=100_000))
    real = pinned.platform.publishing.progress

    async def at_once(ticket: Ticket) -> Progress:
        return replace(await real(ticket), eta_s=0.0)

    pinned.platform.publishing.progress = at_once  # type: ignore[method-assign]

    await pinned.deliver()

    assert pinned.names().count("publish.progress") < 20


async def test_a_short_limit_is_kept(site: Site) -> None:
    """The few looks that a later process has at least are no longer than the limit itself."""
    site.simulator.configure(replace(SETTINGS, upload_s=3_000))
    site.want("desk", inbound("Desk"), rollout=Rollout(timeout_s=6))

    [step] = (await site.deliver()).steps

    assert step.error is not None
    assert "did not end within 6 s" in step.error.message
    assert step.duration_s == 6.0


@pytest.mark.parametrize("pinned", [VERSIONED], indirect=True)
async def test_a_publish_that_an_administrator_cancels_blames_no_content(pinned: Site) -> None:
    organization, flow = pinned.simulator.organization, pinned.simulator.flow(DESK.type, DESK.name)
    pinned.simulator.configure(replace(SETTINGS, publish_s=60))

    def cancelled(event: DeliveryEvent) -> bool:
        if event.name == "publish.progress" and flow.rollout:
            cancel(organization, flow, pinned.simulator.clock.now(), "Cancelled by an administrator.")
        return False

    pinned.crash_when = cancelled

    [step] = (await pinned.deliver()).steps

    assert step.error is not None
    assert (step.error.code, "Cancelled by an administrator." in step.error.message) == ("publish-unexplained", True)
    assert pinned.live() == {str(DESK): "2.0"}
    assert innocent(pinned)
