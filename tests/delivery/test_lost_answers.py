"""A write whose answer is lost: looked for, never repeated blindly, and in effect exactly once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from controller.delivery.result import Outcome
from controller.domain.desired import SyncPolicy
from controller.store.records import WriteOutcome
from tests.delivery.scenes import DESK
from tests.delivery.site import NAME, SETTINGS, Site
from tests.support.audit import audit_entries
from tests.support.sources import inbound

REGISTER = {"method": "POST", "route": "/api/v2/flows/jobs"}
UPLOAD = {"method": "PUT"}
PUBLISH = {"method": "POST", "route": "/api/v2/flows/actions/publish"}
DEACTIVATE = {"method": "POST", "route": "/api/v2/flows/actions/deactivate"}
KINDS = [("reset", "before"), ("reset", "after"), ("reset", "middle"), ("http-5xx", "before"), ("http-5xx", "after")]


def outcomes(site: Site, sync_id: int) -> list[tuple[str, WriteOutcome | None]]:
    sync = site.store.journal.sync(sync_id)
    assert sync is not None
    return [(write.action, write.outcome) for step in sync.steps for write in step.writes]


@pytest.mark.parametrize("match", [REGISTER, UPLOAD], ids=["register", "upload"])
@pytest.mark.parametrize(("kind", "point"), KINDS)
async def test_a_source_is_published_once(site: Site, match: dict[str, str], kind: str, point: str) -> None:
    site.want("desk", inbound("Desk"))
    site.fault(kind, match=match, times=1, point=point)

    result = await site.deliver()

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert site.publishes() == ["inboundcall/Desk 1.0"]
    assert (await site.plan()).empty


@pytest.mark.parametrize(("kind", "point"), KINDS)
async def test_a_version_is_made_live_once(second: Site, kind: str, point: str) -> None:
    second.pin("desk", DESK, "1.0")
    second.fault(kind, match=PUBLISH, times=1, point=point)

    result = await second.deliver()

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert second.publishes()[2:] == ["inboundcall/Desk 1.0"]


@pytest.mark.parametrize(("kind", "field"), [("wrong-type", "id"), ("missing-field", "id")])
async def test_an_answer_that_cannot_be_read_is_looked_into_like_a_lost_one(
    second: Site, kind: str, field: str
) -> None:
    second.pin("desk", DESK, "1.0")
    second.fault(kind, match=PUBLISH, times=1, field=field)

    result = await second.deliver()

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert second.publishes()[2:] == ["inboundcall/Desk 1.0"]


async def test_a_publish_that_takes_longer_than_its_lost_answer_is_looked_for_is_followed(second: Site) -> None:
    second.simulator.configure(replace(SETTINGS, publish_s=200))
    second.pin("desk", DESK, "1.0")
    second.fault("reset", match=PUBLISH, times=1, point="after")

    result = await second.deliver()

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert second.publishes()[2:] == ["inboundcall/Desk 1.0"]


async def test_a_lost_answer_of_a_write_that_took_effect_is_put_right_in_the_journal(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    site.fault("reset", match=UPLOAD, times=1, point="after")
    result = await site.deliver()
    assert outcomes(site, result.sync_id) == [("register", WriteOutcome.DONE), ("upload", WriteOutcome.DONE)]
    assert "the answer to upload was lost; reading showed that it had taken effect" in result.steps[0].messages
    statuses = [(entry.action, entry.status) for entry in audit_entries(site.store, NAME) if entry.action == "upload"]
    assert statuses == [("upload", "success"), ("upload", "lost")]


async def test_a_write_that_never_arrived_is_made_again_after_looking_for_half_a_minute(second: Site) -> None:
    second.pin("desk", DESK, "1.0")
    second.fault("reset", match=PUBLISH, times=1, point="before")
    result = await second.deliver()
    assert outcomes(second, result.sync_id) == [("publish", WriteOutcome.LOST), ("publish", WriteOutcome.DONE)]
    assert result.steps[0].duration_s >= 30.0


@pytest.mark.parametrize(("kind", "point"), KINDS)
async def test_a_rollback_is_made_once(site: Site, kind: str, point: str) -> None:
    site.want("desk", inbound("Desk"))
    await site.deliver()
    site.want("desk", inbound("Desk", says="New"))
    site.want("other", inbound("Other", transfers=["Desk"]))
    site.fault("job-fails", match={"flow": "Other"})
    site.fault(kind, name="lost", match=PUBLISH, times=1, point=point)

    result = await site.deliver()

    assert result.outcome is Outcome.ROLLED_BACK
    assert site.publishes() == ["inboundcall/Desk 1.0", "inboundcall/Desk 2.0", "inboundcall/Desk 1.0"]


@pytest.mark.parametrize(("kind", "point"), KINDS)
async def test_a_flow_is_unpublished_once(site: Site, kind: str, point: str) -> None:
    site.organization = replace(site.organization, sync=SyncPolicy(prune=True))
    site.want("desk", inbound("Desk"))
    site.want("other", inbound("Other"))
    await site.deliver()
    site.unwant("other")
    site.fault(kind, match=DEACTIVATE, times=1, point=point)

    result = await site.deliver()

    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert site.live() == {"inboundcall/Desk": "1.0", "inboundcall/Other": None}
    assert (await site.plan()).empty


async def test_an_outage_while_a_publish_is_followed_is_sat_out(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    site.fault("http-5xx", match={"method": "GET", "route": "/api/v2/flows/jobs/{jobId}"}, times=12)
    result = await site.deliver()
    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert site.publishes() == ["inboundcall/Desk 1.0"]


async def test_rate_limits_are_waited_for(site: Site) -> None:
    site.want("desk", inbound("Desk"))
    site.fault("http-429", match=REGISTER, times=5, retry_after_s=20)
    result = await site.deliver()
    assert result.outcome is Outcome.SUCCEEDED, result.steps[0].error
    assert result.steps[0].duration_s >= 100.0
