"""After a merge the same comment tells of the delivery, and reviews approve the plan where the operator wants that."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support.audit import audit_entries
from tests.support.forges.model import PullRequest
from tests.support.forges.server import Answer
from tests.support.forges.worlds import BOT, KINDS
from tests.support.reviewing import Reviewing, Running
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION

NEW = "Good day"


def change(place: Reviewing) -> PullRequest:
    """An open pull request with new content for the flow."""
    return place.open("greeting", lambda: place.world.flow("front", inbound("Front", says=NEW)))


@pytest.fixture
def by_review(place: Reviewing) -> Reviewing:
    """Reviews approve, and the organisation waits for an approval. What is there is recorded already."""
    place.settings["approvals"] = "review"
    place.world.describe(sync={"mode": "manual"})
    place.commit("Ask people first")
    return place


@pytest.mark.parametrize("place", KINDS, indirect=True)
async def test_after_the_merge_the_same_comment_tells_that_it_is_delivered(place: Reviewing) -> None:
    pull = change(place)
    async with place.controller() as controller:
        await controller.drift()
        merge = place.merge(pull)
        await controller.poll()
        await controller.poll()
        body = place.body(pull)
        assert "Penstock delivery" in body
        assert "✅" in body
        assert "1 done" in body
        assert place.statuses(merge)["penstock/delivery"] == "success"
        assert place.world.live("inboundcall", "Front") == "2.0"

        written = place.server.writes()
        await controller.drift()
        await controller.poll()
        assert place.server.writes() == written
        assert controller.planner._merged._merges == {}


async def test_a_delivery_that_failed_is_told_as_failed(place: Reviewing) -> None:
    pull = change(place)
    async with place.controller() as controller:
        await controller.drift()
        place.world.fail_publishes_of("Front")
        merge = place.merge(pull)
        await controller.poll()
        await controller.poll()
        assert "❌" in place.body(pull)
        assert place.statuses(merge)["penstock/delivery"] == "failure"


async def test_a_plan_that_waits_for_an_approval_is_told_as_waiting_and_nothing_is_approved(
    by_review: Reviewing,
) -> None:
    """Without the operator's setting, reviews count for nothing."""
    by_review.settings["approvals"] = None
    pull = change(by_review)
    async with by_review.controller() as controller:
        await controller.drift()
        by_review.server.forge.review(pull, "grace")
        merge = by_review.merge(pull)
        await controller.poll()
        await controller.drift()
        assert "⏳" in by_review.body(pull)
        assert "waits for an approval of sha256:" in by_review.body(pull)
        assert by_review.statuses(merge)["penstock/delivery"] == "pending"
        assert by_review.server.count("GET", "/reviews") == 0
        assert approvals(by_review) == []


def approvals(place: Reviewing) -> list[str]:
    """By whom plans were approved, by the audit log."""
    entries = audit_entries(place.world.services.store, ORGANIZATION)
    return [each.actor for each in entries if each.action == "approve"]


@pytest.mark.parametrize("place", KINDS, indirect=True)
async def test_a_review_of_the_merged_head_approves_its_plan(by_review: Reviewing) -> None:
    # Gitea tells only administrators what others may do.
    by_review.server.forge.grant(by_review.repository, "admin", BOT)
    pull = change(by_review)
    async with by_review.controller() as controller:
        await controller.drift()
        by_review.server.forge.review(pull, "grace")
        merge = by_review.merge(pull)
        await controller.poll()
        await controller.poll()
        assert approvals(by_review) == [f"grace (review of pull request {pull.number})"]
        assert by_review.world.live("inboundcall", "Front") == "2.0"
        assert by_review.statuses(merge)["penstock/delivery"] == "success"
        assert "✅" in by_review.body(pull)


async def test_a_review_that_does_not_count_approves_nothing(by_review: Reviewing) -> None:
    """Each is by somebody else, so that one that counted would be enough."""
    forge, pull = by_review.server.forge, change(by_review)
    forge.grant(by_review.repository, "write", "heidi", "ivan", "judy")
    async with by_review.controller() as controller:
        await controller.drift()
        forge.review(pull, "ada")  # the author
        forge.review(pull, "carol")  # may only read
        forge.review(pull, "grace", sha="0" * 40)  # of an earlier head
        forge.review(pull, "heidi").dismissed = True
        forge.review(pull, "ivan")
        forge.review(pull, "ivan", "CHANGES_REQUESTED")
        forge.review(pull, "judy", "COMMENTED")
        assert await merged(by_review, controller, pull) == []


async def test_a_review_of_another_live_state_approves_nothing(by_review: Reviewing) -> None:
    pull = change(by_review)
    async with by_review.controller() as controller:
        await controller.drift()
        by_review.server.forge.review(pull, "grace")
        by_review.world.by_hand("publish", "inboundcall", "Front", inbound("Front", says="By hand"))
        [moved] = await merged(by_review, controller, pull)
        assert moved["event"] == "pull_request.plan_moved", "the log says why, once"


async def merged(place: Reviewing, controller: Running, pull: PullRequest) -> list[MutableMapping[str, Any]]:
    """Merge; nothing is approved, and nothing delivered. What the log says of a plan that moved."""
    live = place.world.live("inboundcall", "Front")
    place.merge(pull)
    with capture_logs() as logs:
        await controller.poll()
        await controller.poll()
    assert approvals(place) == []
    assert place.world.live("inboundcall", "Front") == live
    return [each for each in logs if each["event"] == "pull_request.plan_moved"]


async def test_a_revision_after_the_merge_is_not_approved_by_its_reviews(by_review: Reviewing) -> None:
    pull = change(by_review)
    async with by_review.controller() as controller:
        await controller.drift()
        by_review.server.forge.review(pull, "grace")
        by_review.merge(pull)
        by_review.world.flow("back", inbound("Back"))
        by_review.commit("Go on")
        await controller.poll()
        await controller.poll()
        assert approvals(by_review) == []
        assert "⏳" in by_review.body(pull)


async def test_a_plan_that_no_comment_showed_is_not_approved_by_reviews(by_review: Reviewing) -> None:
    refused = Answer(403, {"message": "Resource not accessible by personal access token"})
    by_review.server.fail("POST", "/comments", refused, times=1000)
    pull = change(by_review)
    async with by_review.controller() as controller:
        await controller.drift()
        assert pull.comments == []
        by_review.server.forge.review(pull, "grace")
        by_review.merge(pull)
        await controller.poll()
        await controller.poll()
        assert approvals(by_review) == []
        assert by_review.world.live("inboundcall", "Front") == "1.0"


async def test_where_the_forge_tells_no_rights_no_review_counts(by_review: Reviewing) -> None:
    pull = change(by_review)
    async with by_review.controller() as controller:
        await controller.drift()
        by_review.server.forge.review(pull, "grace")
        by_review.merge(pull)
        refused = Answer(403, {"message": "Must have push access to view collaborator permission."})
        by_review.server.fail("GET", "/permission", refused, times=1000)
        with capture_logs() as logs:
            await controller.poll()
            await controller.poll()
        assert [each["event"] for each in logs].count("pull_request.reviews_unread") == 1
        assert approvals(by_review) == []
        assert "⏳" in by_review.body(pull)
