"""Pull requests, approvals and permissions read the same on all three forges."""

from __future__ import annotations

import pytest

from controller.domain.errors.forge import ForgePermissionMissing, ForgeRejected
from controller.forges.port import CommitStatus, ForgeApproval, ForgeKind, PullRequestState, StatusState
from tests.support.forges import gitlab_shapes
from tests.support.forges.server import Answer
from tests.support.forges.worlds import BOT, ForgeWorld


async def test_an_open_pull_request_is_read_with_both_ends(world: ForgeWorld) -> None:
    found = await world.connect().pull_request(world.pull.number)

    assert (found.number, found.title, found.author) == (1, "Change the greeting", "ada")
    assert (found.base_branch, found.head_branch) == ("main", "greeting")
    assert (found.base_sha, found.head_sha) == (world.repository.branches["main"], world.pull.sha)
    assert (found.head_repository, found.from_fork, found.draft) == ("acme/flows", False, False)
    assert (found.state, found.merge_sha) == (PullRequestState.OPEN, None)
    assert found.url.startswith("http")
    assert found.updated_at == world.pull.updated_at


async def test_a_fork_is_recognised(world: ForgeWorld) -> None:
    fork = world.server.forge.repository("mallory/flows", fork_of=world.repository)
    pull = world.server.forge.pull_request(world.repository, "mallory", "main", head=fork, draft=True)

    found = await world.connect().pull_request(pull.number)

    assert (found.from_fork, found.draft, found.author) == (True, True, "mallory")
    assert found.head_repository == (None if world.kind is ForgeKind.GITLAB else "mallory/flows")


async def test_a_merged_pull_request_has_the_commit_on_its_base(world: ForgeWorld) -> None:
    sha = world.server.forge.merge(world.pull, "grace")

    found = await world.connect().pull_request(world.pull.number)

    assert (found.state, found.merge_sha) == (PullRequestState.MERGED, sha)


async def test_a_pull_request_that_was_closed_without_a_merge_has_no_merge(world: ForgeWorld) -> None:
    world.server.forge.close(world.pull)

    found = await world.connect().pull_request(world.pull.number)

    assert (found.state, found.merge_sha) == (PullRequestState.CLOSED, None)


async def test_all_pages_of_open_pull_requests_are_read_the_latest_change_first(world: ForgeWorld) -> None:
    closed = world.server.forge.pull_request(world.repository, "ada", "closed")
    world.server.forge.close(closed)
    for number in range(230):
        world.server.forge.pass_time(60)
        world.server.forge.pull_request(world.repository, "ada", f"branch-{number}")
    world.server.forge.pass_time(60)
    world.server.forge.push(world.repository, "greeting")

    found = await world.connect().open_pull_requests()

    assert [each.number for each in found] == [1, *range(232, 2, -1)]
    assert world.server.count() == (5 if world.kind is ForgeKind.GITEA else 3)


async def test_all_pages_of_comments_are_read_without_the_forges_own_messages(world: ForgeWorld) -> None:
    for number in range(230):
        world.server.forge.comment(world.pull, "carol", f"Comment {number}")
    if world.kind is ForgeKind.GITLAB:
        world.server.forge.comment(world.pull, "carol", "added 1 commit", system=True)

    found = await world.connect().comments(world.pull.number)

    assert [each.body for each in found] == [f"Comment {number}" for number in range(230)]
    assert {each.author for each in found} == {"carol"}


async def test_a_pull_request_is_opened_found_and_updated(world: ForgeWorld) -> None:
    world.server.forge.push(world.repository, "penstock/import")
    forge = world.connect()
    assert await forge.find_pull_request("penstock/import", "main") is None

    opened = await forge.open_pull_request("penstock/import", "main", "Import\nflows", "Two flows.")
    found = await forge.find_pull_request("penstock/import", "main")
    updated = await forge.update_pull_request(opened.number, "Import 3 flows", "Three flows.\n/approve")

    assert found is not None
    assert (found.number, found.title, found.author) == (opened.number, "Import flows", BOT)
    assert updated.title == "Import 3 flows"
    assert world.repository.pulls[opened.number].body == "Three flows.\n /approve"
    with pytest.raises(ForgeRejected):
        await forge.open_pull_request("penstock/import", "main", "Again", "")


async def test_a_closed_one_and_one_of_a_fork_are_not_found(world: ForgeWorld) -> None:
    fork = world.server.forge.repository("mallory/flows", fork_of=world.repository)
    world.server.forge.pull_request(world.repository, "mallory", "penstock/import", head=fork)
    world.server.forge.push(world.repository, "penstock/import")
    world.server.forge.close(world.server.forge.pull_request(world.repository, BOT, "penstock/import"))

    assert await world.connect().find_pull_request("penstock/import", "main") is None


async def test_an_approval_names_the_head_that_was_approved(world: ForgeWorld) -> None:
    world.server.reset_approvals_on_push = False
    first = world.pull.sha
    world.server.forge.pass_time(60)
    world.server.forge.review(world.pull, "grace")
    world.server.forge.pass_time(60)
    second = world.server.forge.push(world.repository, "greeting")
    world.server.forge.pass_time(60)
    world.server.forge.review(world.pull, "carol")

    found = await world.connect().approvals(world.pull.number)

    assert found is not None
    assert list(found) == [
        ForgeApproval("grace", first, dismissed=False),
        ForgeApproval("carol", second, dismissed=False),
    ]


async def test_an_approval_that_was_dismissed_no_longer_counts(world: ForgeWorld) -> None:
    world.server.forge.review(world.pull, "grace").dismissed = True

    found = await world.connect().approvals(world.pull.number)

    assert [each for each in found if not each.dismissed] == []


@pytest.mark.parametrize("state", ["CHANGES_REQUESTED", "COMMENTED"])
async def test_the_last_decision_of_a_reviewer_counts(github: ForgeWorld, gitea: ForgeWorld, state: str) -> None:
    for world in (github, gitea):
        world.server.forge.review(world.pull, "grace")
        world.server.forge.review(world.pull, "grace", state)

        [found] = await world.connect().approvals(world.pull.number)

        assert found == ForgeApproval("grace", world.pull.sha, dismissed=state == "CHANGES_REQUESTED")


async def test_gitlabs_own_message_tells_the_time_of_an_approval_where_the_api_does_not(gitlab: ForgeWorld) -> None:
    gitlab.server.reset_approvals_on_push = False
    first = gitlab.pull.sha
    gitlab.server.forge.pass_time(60)
    gitlab.server.forge.review(gitlab.pull, "grace")
    gitlab.server.forge.comment(gitlab.pull, "grace", "approved this merge request", system=True)
    gitlab.server.forge.review(gitlab.pull, "carol")
    gitlab.server.forge.comment(gitlab.pull, "carol", "approved this merge request")
    gitlab.server.forge.pass_time(60)
    gitlab.server.forge.push(gitlab.repository, "greeting")
    without_times(gitlab)

    found = await gitlab.connect().approvals(gitlab.pull.number)

    assert list(found) == [
        ForgeApproval("grace", first, dismissed=False),
        ForgeApproval("carol", None, dismissed=False),
    ]


def without_times(world: ForgeWorld) -> None:
    """Answer the next question for approvals as older versions of GitLab do."""
    shape = gitlab_shapes.approvals(world.pull, BOT, "http://127.0.0.1")
    for each in shape["approved_by"]:
        del each["approved_at"]
    world.server.fail("GET", "/approvals", Answer(200, shape))


async def test_who_may_write_is_told_by_level_and_a_stranger_may_not(world: ForgeWorld) -> None:
    world.server.forge.grant(world.repository, "admin", BOT)
    world.server.forge.grant(world.repository, "maintain", "mia")
    world.server.forge.grant(world.repository, "triage", "tom")
    forge = world.connect()

    told = {user: await forge.may_write(user) for user in ("acme", "ada", "mia", "tom", "carol", "nobody", "ad", "ADA")}

    assert told == {
        "acme": True,
        "ada": True,
        "mia": True,
        "tom": False,
        "carol": False,
        "nobody": False,
        "ad": False,
        "ADA": told["ADA"],
    }


async def test_gitea_tells_permissions_of_others_to_administrators_only(gitea: ForgeWorld) -> None:
    with pytest.raises(ForgePermissionMissing, match="administrator of the repository"):
        await gitea.connect().may_write("ada")


async def test_gitlab_takes_a_status_that_is_pending_already(gitlab: ForgeWorld) -> None:
    forge = gitlab.connect()
    for state in (StatusState.PENDING, StatusState.PENDING, StatusState.FAILURE):
        await forge.set_status(gitlab.pull.sha, CommitStatus(state, "penstock/plan", "x" * 300))

    assert [each.state for each in gitlab.repository.statuses] == ["pending", "failed"]


async def test_the_status_of_a_forks_commit_is_set_with_its_branch(gitlab: ForgeWorld) -> None:
    fork = gitlab.server.forge.repository("mallory/flows", fork_of=gitlab.repository)
    pull = gitlab.server.forge.pull_request(gitlab.repository, "mallory", "hostile", head=fork)

    status = CommitStatus(StatusState.FAILURE, "penstock/plan", "Refused")
    await gitlab.connect().set_status(pull.sha, status, ref=pull.head_branch)

    assert [each.sha for each in gitlab.repository.statuses] == [pull.sha]
