"""There is one comment of Penstock's for each marker, it says what is true now, and strangers cannot take it over."""

from __future__ import annotations

import asyncio

import pytest

from controller.domain.errors.forge import ForgeTooLarge, ForgeUnavailable
from controller.forges.comment import (
    CommentMarker,
    CommentOutcome,
    CommentText,
    PublishedComment,
    longest_body,
    mark_outdated,
    publish_comment,
)
from controller.forges.port import CommitStatus, Forge, ForgeKind, StatusState
from tests.support.forges.server import Answer
from tests.support.forges.worlds import BOT, ForgeWorld

PLAN = CommentMarker("plan", ("voice", "chat"))


def status(state: StatusState = StatusState.SUCCESS) -> CommitStatus:
    return CommitStatus(state, "penstock/plan", "2 to change", "https://penstock.example.com/plan")


async def publish(
    world: ForgeWorld, forge: Forge, body: str = "Two flows change.", **more: CommitStatus
) -> PublishedComment:
    text = CommentText(body=body, head_sha=world.pull.sha, head_branch=world.pull.head_branch, **more)
    return await publish_comment(forge, world.pull.number, PLAN, text)


async def test_the_first_plan_is_a_comment_below_a_hidden_line(world: ForgeWorld) -> None:
    published = await publish(world, world.connect())

    [comment] = world.pull.comments
    hidden, _, shown = comment.body.partition("\n")
    assert published == PublishedComment(comment.id, CommentOutcome.CREATED)
    assert (hidden.startswith("<!-- penstock:plan chat,voice "), hidden.endswith(" -->")) == (True, True)
    assert shown == "Two flows change."
    assert comment.author.login == BOT


async def test_another_plan_takes_the_place_of_the_first_one(world: ForgeWorld) -> None:
    first = await publish(world, world.connect())
    second = await publish(world, world.connect(), "Three flows change.")

    assert second == PublishedComment(first.id, CommentOutcome.UPDATED)
    assert [body.partition("\n")[2] for body in world.bodies()] == ["Three flows change."]


async def test_the_same_plan_again_costs_one_read_and_no_write(world: ForgeWorld) -> None:
    first = await publish(world, world.connect(), status=status())
    world.server.calls.clear()

    again = await publish(world, world.connect(), status=status())

    assert again == PublishedComment(first.id, CommentOutcome.UNCHANGED)
    assert [call.method for call in world.server.calls] == ["GET"]


async def test_the_status_is_set_before_the_comment_is_written(world: ForgeWorld) -> None:
    await publish(world, world.connect(), status=status())

    assert ["statuses" in write for write in world.server.writes()] == [True, False]
    [found] = world.repository.statuses
    assert (found.sha, found.context, found.state) == (world.pull.sha, "penstock/plan", "success")


async def test_a_status_that_could_not_be_set_leaves_the_comment_to_the_next_run(world: ForgeWorld) -> None:
    world.server.fail("POST", "/statuses/", Answer(403, {"message": "no"}))
    with pytest.raises(Exception, match="403"):
        await publish(world, world.connect(), status=status())
    assert world.bodies() == []

    await publish(world, world.connect(), status=status())

    assert (len(world.repository.statuses), len(world.bodies())) == (1, 1)


async def test_another_status_with_the_same_text_is_a_change(world: ForgeWorld) -> None:
    await publish(world, world.connect(), status=status(StatusState.PENDING))
    again = await publish(world, world.connect(), status=status(StatusState.FAILURE))

    assert again.outcome is CommentOutcome.UPDATED
    assert len(world.repository.statuses) == 2


async def test_two_runs_at_once_leave_one_comment(world: ForgeWorld) -> None:
    published = await asyncio.gather(*(publish(world, world.connect()) for _ in range(2)))

    [comment] = world.pull.comments
    assert [each.id for each in published] == [comment.id] * 2
    assert world.server.count("POST", world.comments_path) == 2


async def test_a_comment_that_another_run_wrote_meanwhile_stays_and_gets_the_text(world: ForgeWorld) -> None:
    text = CommentText(body="Of the other run.", head_sha=world.pull.sha)
    earlier = PLAN.line(text.head_sha, "0" * 32) + "\nOf the other run."
    world.server.meanwhile("POST", world.comments_path, lambda: world.server.forge.comment(world.pull, BOT, earlier))

    published = await publish(world, world.connect())

    [comment] = world.pull.comments
    assert published == PublishedComment(comment.id, CommentOutcome.UPDATED)
    assert comment.body.endswith("Two flows change.")


async def test_two_comments_of_an_earlier_race_become_one(world: ForgeWorld) -> None:
    for number in range(2):
        world.server.forge.comment(world.pull, BOT, PLAN.line(world.pull.sha, f"{number:032}") + "\nOld.")

    published = await publish(world, world.connect())

    [comment] = world.pull.comments
    assert published == PublishedComment(comment.id, CommentOutcome.UPDATED)


async def test_a_comment_that_somebody_deleted_is_made_anew(world: ForgeWorld) -> None:
    first = await publish(world, world.connect())
    world.pull.comments.clear()

    again = await publish(world, world.connect())

    assert (again.outcome, again.id != first.id, len(world.bodies())) == (CommentOutcome.CREATED, True, 1)


async def test_a_comment_that_is_deleted_while_it_is_updated_is_made_anew(world: ForgeWorld) -> None:
    await publish(world, world.connect())
    change = "PUT" if world.kind is ForgeKind.GITLAB else "PATCH"
    world.server.meanwhile(change, world.comments_path, world.pull.comments.clear)

    again = await publish(world, world.connect(), "Three flows change.")

    assert again.outcome is CommentOutcome.CREATED
    assert [body.partition("\n")[2] for body in world.bodies()] == ["Three flows change."]


async def test_a_stranger_who_pastes_the_marker_keeps_the_own_comment_and_nothing_more(world: ForgeWorld) -> None:
    pasted = world.server.forge.comment(world.pull, "carol", PLAN.line(world.pull.sha, "1" * 32) + "\nAll is well.")

    await publish(world, world.connect())
    again = await publish(world, world.connect(), "Three flows change.")

    assert pasted.body.endswith("All is well.")
    assert (again.outcome, len(world.bodies())) == (CommentOutcome.UPDATED, 2)
    assert world.pull.comments[1].body.endswith("Three flows change.")


async def test_a_stranger_who_copies_the_whole_comment_does_not_keep_it_from_being_updated(world: ForgeWorld) -> None:
    first = await publish(world, world.connect())
    copied = world.server.forge.comment(world.pull, "carol", world.bodies()[0])

    again = await publish(world, world.connect(), "Three flows change.")

    assert again == PublishedComment(first.id, CommentOutcome.UPDATED)
    assert copied.body.endswith("Two flows change.")


async def test_a_comment_of_another_purpose_or_of_other_organisations_is_left_alone(world: ForgeWorld) -> None:
    forge = world.connect()
    text = CommentText(body="Delivered.", head_sha=world.pull.sha)
    for other in (CommentMarker("delivery", ("voice", "chat")), CommentMarker("plan", ("voice",))):
        await publish_comment(forge, world.pull.number, other, text)

    await publish(world, forge)

    assert sorted(body.partition("\n")[2] for body in world.bodies()) == [
        "Delivered.",
        "Delivered.",
        "Two flows change.",
    ]


async def test_a_quoted_marker_is_no_marker(world: ForgeWorld) -> None:
    world.server.forge.comment(world.pull, BOT, f"> {PLAN.line(world.pull.sha, '0' * 32)}\nWhat is this?")

    assert (await publish(world, world.connect())).outcome is CommentOutcome.CREATED


async def test_a_comment_whose_answer_was_lost_is_not_written_twice(world: ForgeWorld) -> None:
    world.server.fail("POST", world.comments_path, Answer(502, "Bad gateway"), done_first=True)

    published = await publish(world, world.connect())

    assert published.outcome is CommentOutcome.CREATED
    assert (len(world.bodies()), world.server.count("POST", world.comments_path)) == (1, 1)


async def test_a_comment_that_certainly_was_not_written_fails_the_run(world: ForgeWorld) -> None:
    world.server.fail("POST", world.comments_path, Answer(502, "Bad gateway"))

    with pytest.raises(ForgeUnavailable, match="may or may not have taken effect"):
        await publish(world, world.connect())

    assert world.bodies() == []


async def test_the_longest_body_is_kept_and_a_longer_one_is_refused_before_anything_is_written(
    world: ForgeWorld,
) -> None:
    forge = world.connect()
    longest = longest_body(forge, PLAN)
    await publish(world, forge, "ü" * longest)
    world.server.calls.clear()

    with pytest.raises(ForgeTooLarge):
        await publish(world, forge, "ü" * (longest + 1))

    assert world.bodies()[0].endswith("ü" * longest)
    assert world.server.calls == []


@pytest.mark.parametrize("line", ["/approve", "/merge", "\r/close", "\x00/close", "\u2028/close", "\x0b/close"])
async def test_no_line_of_a_comment_is_a_command_to_the_forge(world: ForgeWorld, line: str) -> None:
    await publish(world, world.connect(), f"A flow is called\n{line}\nand that is all.")

    assert not any(each.startswith("/") for each in world.bodies()[0].splitlines())
    assert "\x00" not in world.bodies()[0]


def test_a_hostile_organisation_cannot_end_the_hidden_line() -> None:
    marker = CommentMarker("plan", ("--> <img src=x>", "a--", "b,c"))
    line = marker.line("0" * 40, "0" * 32)

    assert (line.count("-->"), line.count("<"), line.endswith(" -->")) == (1, 1, True)
    assert "--" not in line.removeprefix("<!--").removesuffix("-->")
    assert marker.found_in(line) is not None


def test_markers_of_any_number_of_organisations_stay_short_and_different() -> None:
    many = [CommentMarker("plan", tuple(f"organisation-{number}" for number in range(count))) for count in (300, 301)]

    assert many[0].key != many[1].key
    assert all(len(each.line("0" * 64, "0" * 32)) < 200 for each in many)


async def test_a_comment_of_an_earlier_head_says_so_until_the_next_plan(world: ForgeWorld) -> None:
    forge = world.connect()
    first = await publish(world, forge)
    head = world.server.forge.push(world.repository, "greeting")
    note = "**Outdated**: a new plan is on its way."

    assert await mark_outdated(forge, world.pull.number, PLAN, head, note)
    assert not await mark_outdated(forge, world.pull.number, PLAN, head, note)
    assert world.bodies()[0].partition("\n")[2] == f"{note}\n\nTwo flows change."
    again = await publish(world, forge)
    assert again == PublishedComment(first.id, CommentOutcome.UPDATED)
    assert world.bodies()[0].partition("\n")[2] == "Two flows change."


async def test_a_comment_of_the_present_head_is_not_marked(world: ForgeWorld) -> None:
    forge = world.connect()
    await publish(world, forge)

    assert not await mark_outdated(forge, world.pull.number, PLAN, world.pull.sha, "Outdated")


async def test_only_the_own_comment_is_marked_as_outdated(world: ForgeWorld) -> None:
    pasted = world.server.forge.comment(world.pull, "carol", PLAN.line("0" * 40, "1" * 32) + "\nAll is well.")

    assert not await mark_outdated(world.connect(), world.pull.number, PLAN, world.pull.sha, "Outdated")
    assert "Outdated" not in pasted.body


async def test_without_a_login_the_author_of_the_new_comment_tells_which_earlier_ones_are_own(
    gitea: ForgeWorld,
) -> None:
    gitea.token(BOT, scopes=("write:repository", "write:issue"))
    first = await publish(gitea, gitea.connect())
    pasted = gitea.server.forge.comment(gitea.pull, "carol", PLAN.line(gitea.pull.sha, "1" * 32) + "\nAll is well.")

    again = await publish(gitea, gitea.connect(), "Three flows change.")

    assert again == PublishedComment(first.id, CommentOutcome.UPDATED)
    assert [body.partition("\n")[2] for body in gitea.bodies()] == ["Three flows change.", "All is well."]
    assert pasted in gitea.pull.comments


async def test_the_token_of_github_actions_knows_its_comment(github: ForgeWorld) -> None:
    permissions = {"metadata": "read", "pull_requests": "write", "statuses": "write"}
    github.server.forge.person("github-actions[bot]", "Bot")
    github.token("github-actions[bot]", kind="installation", permissions=permissions)
    first = await publish(github, github.connect("github-actions[bot]"))

    again = await publish(github, github.connect("github-actions[bot]"), "Three flows change.")

    assert again == PublishedComment(first.id, CommentOutcome.UPDATED)
    assert len(github.bodies()) == 1
