"""What the forge, a second controller or an organisation does keeps nothing else from being planned or delivered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from starlette.applications import Starlette
from structlog.testing import capture_logs

from controller.service.http import service_routes
from tests.support.forges.model import PullRequest
from tests.support.forges.server import Answer
from tests.support.forges.webhooks import GitHubHooks, Message
from tests.support.patience import PATIENCE_S
from tests.support.reviewing import POLL_S, Reviewing, Running
from tests.support.sources import inbound

SECRET = "0123456789abcdef0123"


def change(place: Reviewing, branch: str, says: str) -> PullRequest:
    return place.open(branch, lambda: place.world.flow("front", inbound("Front", says=says)))


async def deliver(running: Running, message: Message) -> int:
    """Send a webhook to the controller's own endpoint."""
    controller = running.controller
    probes = service_routes(controller.board, controller.metrics.registry, dict)
    app = Starlette(routes=[*probes, *controller._webhooks()])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://controller") as client:
        path = "/webhooks/github"
        return (await client.post(path, content=message.body, headers=dict(message.headers))).status_code


async def test_a_webhook_plans_at_once_and_a_push_to_the_base_plans_again(
    place: Reviewing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_INCOMING_WEBHOOK_SECRET", SECRET)
    hooks = GitHubHooks("http://github.example.com", SECRET)
    async with place.controller() as controller:
        await controller.drift()
        pull = change(place, "greeting", "Good day")
        polls = place.clock.ended
        assert await deliver(controller, hooks.pull_request(pull, "opened")) == 202
        await controller.rest()
        assert "Good day" in place.body(pull)

        place.world.flow("front", inbound("Front", says="From the base"))
        place.commit()
        assert await deliver(controller, hooks.push(place.repository, "main")) == 202
        await controller.rest()
        assert place.clock.ended == polls, "no poll passed"
        assert place.world.live("inboundcall", "Front") == "2.0"
        assert "cannot be merged" in place.body(pull)
        assert place.statuses(pull.sha) == {"penstock/plan": "failure"}


async def test_of_two_controllers_one_plans_and_the_other_takes_over(place: Reviewing) -> None:
    pull = change(place, "greeting", "Good day")
    async with place.controller("controller-b") as second, place.controller("controller-a", others=1) as first:
        await first.rest()
        place.push("greeting", lambda: place.world.flow("front", inbound("Front", says="Good evening")))
        await first.poll()
        assert "Good evening" in place.body(pull)
        assert first.planner._planned == {}
        assert second.planner._planned.keys() == {pull.number}
        # The one that plans ends; the other need not wait until the lease expires.
        await second.end()
        first.others = 0
        await first.rest()
        place.push("greeting", lambda: place.world.flow("front", inbound("Front", says="Good night")))
        await first.poll()
        assert "Good night" in place.body(pull)
        assert first.planner._planned.keys() == {pull.number}


async def test_the_one_that_plans_tells_of_a_delivery_by_another_one(place: Reviewing) -> None:
    """The organisation is one replica's, and another one has the pull requests: it reads the result in the store."""
    pull = change(place, "greeting", "Good day")
    async with place.controller("controller-b") as second:
        [planning] = [task for task in asyncio.all_tasks() if task.get_name() == "pull requests"]
        async with place.controller("controller-a", others=1) as first:
            planning.cancel()
            await until(place, lambda: pull.number in first.planner._planned)
            merge = place.merge(pull)
            await until(place, lambda: "✅" in place.body(pull))
            assert place.statuses(merge)["penstock/delivery"] == "success"
            assert "✅ acme: succeede" in place.body(pull)
            assert (len(first.controller._workers), len(second.controller._workers)) == (0, 1)


async def until(place: Reviewing, check: Callable[[], bool]) -> None:
    """Poll until it is so, and not so often that a lease ends while git is at work."""
    loop = asyncio.get_running_loop()
    deadline, polled = loop.time() + PATIENCE_S, 0.0
    while not check():
        assert loop.time() < deadline
        if loop.time() - polled > 3:
            place.clock.end(0.9 * POLL_S, 1.1 * POLL_S)
            polled = loop.time()
        await asyncio.sleep(0.02)


async def test_a_forge_that_is_down_delays_nothing_and_is_found_again(place: Reviewing) -> None:
    first = change(place, "greeting", "Good day")
    place.server.fail("*", "/", Answer(503, {"message": "down"}), times=10_000)
    async with place.controller() as controller:
        assert first.comments == []
        assert controller.controller.board.ready
        place.world.flow("front", inbound("Front", says="Of the base"))
        place.commit()
        await controller.poll()
        assert place.world.live("inboundcall", "Front") == "2.0"
        place.server._faults.clear()
        await controller.poll()
        assert "Penstock plan" in place.body(first)


async def test_a_plan_that_could_not_be_posted_is_posted_later_without_a_call(place: Reviewing) -> None:
    pull = change(place, "greeting", "Good day")
    other = change(place, "other", "Good night")
    refused = Answer(403, {"message": "Resource not accessible by personal access token"})
    async with place.controller() as controller:
        await controller.drift()
        pull.comments.clear()
        place.push("greeting", lambda: place.world.flow("front", inbound("Front", says="Good evening")))
        place.server.fail("POST", f"/issues/{pull.number}/comments", refused)
        with capture_logs() as logs:
            await controller.poll()
        assert pull.comments == []
        failed = [each for each in logs if each["event"] == "pull_request.failed"]
        assert [each["number"] for each in failed] == [pull.number]
        assert "Good night" in place.body(other)
        asked = place.calls()
        await controller.poll()
        assert "Good evening" in place.body(pull)
        assert place.calls() == asked


async def test_a_limit_of_the_forge_is_waited_for_and_asks_nothing_meanwhile(place: Reviewing) -> None:
    pull = change(place, "greeting", "Good day")
    place.server.fail("GET", "/pulls", place.server.secondary_limit(3600))
    async with place.controller() as controller:
        asked = len(place.server.calls)
        place.world.flow("front", inbound("Front", says="Of the base"))
        place.commit()
        await controller.poll()
        assert place.world.live("inboundcall", "Front") == "2.0"
        assert len(place.server.calls) == asked
        place.clock.end(3000, 3600)
        await controller.rest()
        assert "Penstock plan" in place.body(pull)


async def test_a_renamed_repository_is_found(place: Reviewing) -> None:
    pull = change(place, "greeting", "Good day")
    async with place.controller() as controller:
        await controller.drift()
        place.server.forge.rename(place.repository, "acme/call-flows")
        place.push("greeting", lambda: place.world.flow("front", inbound("Front", says="Good evening")))
        await controller.poll()
        assert "Good evening" in place.body(pull)


async def test_a_plan_that_an_organisation_kept_from_being_made_is_made_when_it_answers(place: Reviewing) -> None:
    async with place.controller() as controller:
        await controller.drift()
        pull = change(place, "greeting", "Good day")
        place.world.fault("http-5xx", match={"method": "GET"})
        await controller.poll()
        assert "There is no plan" in place.body(pull)
        assert place.statuses(pull.sha) == {"penstock/plan": "error"}
        place.world.simulator.faults.clear()
        for _ in range(4):
            await controller.poll()
        assert "Good day" in place.body(pull)
        assert place.statuses(pull.sha) == {"penstock/plan": "success"}


async def test_a_merge_that_the_forge_did_not_show_at_first_is_followed(place: Reviewing) -> None:
    pull = change(place, "greeting", "Good day")
    async with place.controller() as controller:
        await controller.drift()
        merge = place.merge(pull)
        down = Answer(404, {"message": "Not Found"})
        place.server.fail("POST", f"/statuses/{merge}", down)
        place.server.fail("GET", f"/pulls/{pull.number}", Answer(500, {"message": "down"}), times=3)
        for _ in range(4):
            await controller.poll()
        assert place.statuses(merge)["penstock/delivery"] == "success"
        assert "Penstock delivery" in place.body(pull)


async def test_after_a_restart_the_comment_is_marked_and_updated_and_none_is_added(place: Reviewing) -> None:
    pull = change(place, "greeting", "Good day")
    async with place.controller() as controller:
        await controller.drift()
    first = pull.sha
    place.push("greeting", lambda: place.world.flow("front", inbound("Front", says="Good evening")))
    began = len(place.server.calls)
    async with place.controller():
        updates = [call.body["body"] for call in place.server.calls[began:] if call.method == "PATCH"]
        assert ("outdated -->" in updates[0], f"head={first}" in updates[0]) == (True, True)
        assert "Good evening" in place.body(pull)
        written = place.server.writes()
    async with place.controller():
        assert place.server.writes() == written, "an unchanged plan is posted once, whatever restarts"
