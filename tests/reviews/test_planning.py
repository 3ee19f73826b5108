"""Each open pull request gets one comment and one status, which follow its head, the base and the live state."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from controller.store.schema import leases
from tests.support.forges.worlds import KINDS
from tests.support.reviewing import Reviewing
from tests.support.sources import inbound


def says(place: Reviewing, text: str, flow: str = "front", name: str = "Front") -> Callable[[], None]:
    """Writes other content of a flow."""
    return lambda: place.world.flow(flow, inbound(name, says=text))


@pytest.mark.parametrize("place", KINDS, indirect=True)
async def test_a_pull_request_gets_one_comment_and_one_status_and_then_nothing(place: Reviewing) -> None:
    pull = place.open("greeting", says(place, "Good day"))
    async with place.controller() as controller:
        await controller.drift()
        body = place.body(pull)
        assert "Good day" in body
        assert place.statuses(pull.sha) == {"penstock/plan": "success"}
        written, asked = place.server.writes(), place.calls()

        await controller.poll()
        await controller.poll()

        assert place.server.writes() == written
        assert place.calls() == asked
        assert place.body(pull) == body


async def test_a_plan_follows_the_head_the_base_and_the_live_state(place: Reviewing) -> None:
    pull = place.open("greeting", says(place, "Good day"))
    async with place.controller() as controller:
        await controller.drift()
        first = pull.sha
        began = len(place.server.calls)
        place.push("greeting", says(place, "Good evening"))
        await controller.poll()
        assert "Good evening" in place.body(pull)
        assert place.statuses(pull.sha) == {"penstock/plan": "success"}
        updates = [call.body["body"] for call in place.server.calls[began:] if call.method == "PATCH"]
        assert [("outdated -->" in each, f"head={first}" in each) for each in updates] == [(True, True), (False, False)]

        place.world.flow("back", inbound("Back", says="From the base"))
        place.commit()
        await controller.poll()
        assert place.body(pull).count("Back") == 0, "what the base got is no change of the branch"
        assert place.statuses(pull.sha) == {"penstock/plan": "success"}

        asked = place.calls()
        place.world.by_hand("publish", "inboundcall", "Front", inbound("Front", says="By hand"))
        await controller.drift()
        assert place.calls() > asked
        assert "By hand" in place.body(pull)
        assert len(pull.comments) == 1


async def test_a_head_that_leaves_the_same_files_makes_no_call_to_the_organisation(place: Reviewing) -> None:
    pull = place.open("greeting", says(place, "Good day"))
    async with place.controller() as controller:
        await controller.drift()
        asked = place.calls()
        place.push("greeting", lambda: None, onto="greeting")
        await controller.poll()
        assert f"head={pull.sha}" in place.body(pull)
        assert "outdated -->" not in place.body(pull)
        assert "Good day" in place.body(pull)
        assert place.statuses(pull.sha) == {"penstock/plan": "success"}
        assert place.calls() == asked


async def test_a_head_with_the_same_files_that_undoes_the_base_is_planned(place: Reviewing) -> None:
    """A merge depends on history: the same files on top of the newer base take back what the base got."""
    world = place.world
    pull = place.open("greeting", says(place, "Good day"))
    before = pull.sha
    world.flow("back", inbound("Back"))
    tip = place.commit()
    async with place.controller() as controller:
        await controller.drift()
        assert "back" not in place.body(pull)
        tree = world.git("rev-parse", f"{before}^{{tree}}")
        place.head("greeting", world.git("commit-tree", tree, "-p", tip, "-m", "Undo the base"))
        await controller.poll()
        assert world.git("rev-parse", f"{pull.sha}^{{tree}}") == tree
        assert "back" in place.body(pull)


async def test_pull_requests_for_other_branches_are_left_alone_and_closed_ones_forgotten(place: Reviewing) -> None:
    place.repository.branches["next"] = place.repository.branches["main"]
    other = place.open("greeting", says(place, "Good day"), into="next")
    draft = place.open("draft", says(place, "Good night"))
    moved = place.open("moved", says(place, "Good morning"))
    draft.draft = True
    async with place.controller() as controller:
        assert other.comments == []
        assert "Good night" in place.body(draft)
        place.server.forge.close(draft)
        moved.base_branch = "next"
        await controller.poll()
        began = len(place.server.calls)
        await controller.poll()
        assert [call.method for call in place.server.calls[began:]] == ["GET"], "one list, and nothing else"
        assert controller.planner._planned == {}


async def test_a_pass_that_runs_meanwhile_is_no_refusal_of_a_plan(place: Reviewing) -> None:
    """The comment outlives the pass, and would change with each."""
    pull = place.open("greeting", says(place, "Good day"))
    async with place.controller() as controller:
        await controller.drift()
        store = place.world.services.store
        names = [each for each in _leases(place) if not each.startswith(("pull requests", "organization "))]
        held = [store.leases.acquire(each, "controller-b") for each in names]
        place.push("greeting", says(place, "Good evening"))
        await controller.poll()
        assert "Good evening" in place.body(pull)
        assert "at work" not in place.body(pull)
        assert [each.name for each in held] == names
        for lease in held:
            store.leases.release(lease)


def _leases(place: Reviewing) -> list[str]:
    with place.world.services.store.database.read() as connection:
        return sorted(connection.execute(select(leases.c.name)).scalars())


async def test_a_plan_for_people_knows_what_no_publish_tells(place: Reviewing) -> None:
    """The last look at an organisation of several pages may be an hour old; a person approves what is there now."""
    place.world.settings = place.world.services.settings = place.world.settings.model_copy(update={"page_size": 1})
    await place.world.restart()
    async with place.controller() as controller:
        await controller.drift()
        place.world.by_hand("delete", "inboundcall", "Front")
        pull = place.open("greeting", says(place, "Good day"))
        await controller.poll()
        assert "create" in place.body(pull)


async def test_an_organisation_that_belongs_to_another_repository_is_not_planned(place: Reviewing) -> None:
    pull = place.open("greeting", says(place, "Good day"))
    async with place.controller() as controller:
        await controller.drift()
        assert "Good day" in place.body(pull)
        controller.controller.repositories[0].keep((), {"acme": "acme belongs to the repository voice"})
        asked = place.calls()
        place.push("greeting", says(place, "Good evening"))
        await controller.poll()
        assert "acme belongs to the repository voice" in place.body(pull)
        assert "Good evening" not in place.body(pull)
        assert place.calls() == asked
