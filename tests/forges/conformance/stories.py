"""Every operation of the port to a forge, as stories that a test plays against any of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from controller.domain.errors.forge import ForgeNotFound
from controller.forges.port import CommitStatus, Forge, StatusState
from tests.support.forges.model import PullRequest

LONGEST_PAUSE_S = 2.0


class HastyClock:
    """The time of the machine, on which a pause between two writes takes none; deadlines are as long as they are."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds if seconds > LONGEST_PAUSE_S else 0)


async def asks_for_an_absent_pull_request(forge: Forge, pull: PullRequest) -> None:
    """The client then asks for the repository, to tell what is missing."""
    with pytest.raises(ForgeNotFound, match=r"no (pull|merge) request 99"):
        await forge.pull_request(99)


async def writes_comments(forge: Forge, pull: PullRequest) -> None:
    made = await forge.add_comment(pull.number, "the plan")
    await forge.update_comment(pull.number, made.id, "the new plan")
    assert [one.body for one in await forge.comments(pull.number)] == ["the new plan"]
    await forge.delete_comment(pull.number, made.id)
    await forge.delete_comment(pull.number, made.id)
    assert await forge.comments(pull.number) == []


async def reads_pull_requests(forge: Forge, pull: PullRequest) -> None:
    assert (await forge.pull_request(pull.number)).head_sha == pull.sha
    assert pull.number in [one.number for one in await forge.open_pull_requests()]
    assert await forge.find_pull_request("greeting", "main") is not None
    assert await forge.find_pull_request("absent", "main") is None


async def opens_a_pull_request(forge: Forge, pull: PullRequest) -> None:
    made = await forge.open_pull_request("drift", "main", "Take drift over", "What changed")
    await forge.update_pull_request(made.number, "Take all drift over", "More")
    pull.base.pulls.pop(made.number)


async def sets_statuses(forge: Forge, pull: PullRequest) -> None:
    for state in StatusState:
        await forge.set_status(pull.sha, CommitStatus(state, "penstock/plan", "12 changes", "https://ci.example.com/1"))
    await forge.set_status(pull.sha, CommitStatus(StatusState.SUCCESS, "penstock/plan", ""))


async def reads_approvals_and_permissions(forge: Forge, pull: PullRequest) -> None:
    assert [one.author for one in await forge.approvals(pull.number)] == ["grace"]
    assert await forge.may_write("ada")
    assert not await forge.may_write("nobody-at-all")


async def tells_its_login(forge: Forge, pull: PullRequest) -> None:
    assert await forge.login() in {"penstock", "penstock[bot]"}


Story = Callable[[Forge, PullRequest], Awaitable[None]]
OF_ALL: tuple[Story, ...] = (
    asks_for_an_absent_pull_request,
    tells_its_login,
    writes_comments,
    reads_pull_requests,
    opens_a_pull_request,
    sets_statuses,
    reads_approvals_and_permissions,
)
