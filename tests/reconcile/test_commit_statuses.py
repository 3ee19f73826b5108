"""The commit that is delivered shows on the forge how that goes, once for each change of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from controller.domain.clock import SystemClock
from controller.domain.notification import NotificationRule
from controller.forges.port import ForgeKind
from controller.reconcile.commit_status import CommitStatusTarget
from controller.reconcile.notifications import Notifications
from controller.reconcile.notifying import notify
from controller.reconcile.pass_ import SERVICE, Mode
from tests.support.forges.github import GitHub
from tests.support.forges.github_access import Token
from tests.support.forges.model import Repository
from tests.support.forges.server import served
from tests.support.sources import module
from tests.support.world import World, said

TOKEN = "token-of-penstock"


@dataclass
class Stated:
    """The world, and the forge that has its repository."""

    world: World
    github: GitHub
    repository: Repository

    async def passed(self, mode: Mode = Mode.APPLY, **request: Any) -> None:
        """One pass of the controller, after which the statuses are sent."""
        made = self.world.plan if mode is Mode.PLAN else self.world.apply
        report = await made(actor=SERVICE, watches=True, **request)
        await notify(report, self.world.workspace(), self.world.services)
        await self.world.services.announcements.flush()

    def commit(self, says: str) -> str:
        self.world.flow("hours", module("Hours", says=says))
        sha = self.world.commit()
        self.repository.branches["main"] = sha
        return sha

    def of(self, sha: str) -> list[tuple[str, str, str]]:
        """Context, state and words of each status that was set, oldest first."""
        return [(each.context, each.state, each.description) for each in self.repository.statuses if each.sha == sha]


@pytest.fixture
def stated(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stated]:
    github = GitHub(enterprise=True)
    repository = github.forge.repository("voice/flows")
    github.forge.grant(repository, "write", "penstock")
    github.tokens[TOKEN] = Token("penstock")
    monkeypatch.setenv("PENSTOCK_FORGE_TOKEN", TOKEN)
    with served(github) as url:
        settings = world.services.settings.model_copy(
            update={
                "repository_url": str(world.remote),
                "forge": ForgeKind.GITHUB,
                "forge_url": url,
                "forge_repository": "voice/flows",
            }
        )
        world.services.settings = settings
        configure(world, settings.repository_url or "")
        yield Stated(world, github, repository)


def configure(world: World, repository: str) -> None:
    # On the world's clock every time limit of a real connection would be over at once.
    target = CommitStatusTarget(world.services.settings, SystemClock())
    world.services.notifications = Notifications(
        targets={"status": target}, statuses={"status": repository}, rules=(NotificationRule("status"),)
    )


async def test_a_commit_shows_that_it_is_delivered_or_has_failed(stated: Stated) -> None:
    first = stated.commit("First")
    await stated.passed()
    await stated.passed()
    assert stated.of(first) == [("penstock/acme", "success", "1 flow as this commit asks")]

    second = stated.commit("Second")
    stated.world.fail_publishes_of("Hours")
    await stated.passed()
    await stated.passed()
    assert stated.of(second) == [("penstock/acme", "failure", "failed: hours")]

    stated.world.simulator.faults.clear()
    third = stated.commit("Third")
    await stated.passed()
    assert stated.of(third) == [("penstock/acme", "success", "1 flow as this commit asks")]


async def test_a_commit_that_waits_for_a_person_is_pending(stated: Stated) -> None:
    stated.world.describe(sync={"mode": "manual"})
    sha = stated.commit("First")
    await stated.passed(Mode.PLAN)
    assert stated.of(sha) == [("penstock/acme", "pending", "approval-wanted: not-confirmed")]

    plan = (await stated.world.plan()).plan_or_raise()
    await stated.passed(confirmations=said(approved_digest=plan.digest))
    assert stated.of(sha)[-1] == ("penstock/acme", "success", "1 flow as this commit asks")


async def test_the_commits_of_another_repository_get_no_status(stated: Stated) -> None:
    configure(stated.world, "https://git.example.com/digital/flows.git")
    sha = stated.commit("First")
    await stated.passed()

    assert stated.of(sha) == []


async def test_a_forge_that_is_away_is_asked_again(stated: Stated) -> None:
    stated.github.tokens.clear()
    sha = stated.commit("First")
    await stated.passed()
    assert stated.of(sha) == []
    assert stated.world.services.store.outbox.pending() == 1

    stated.github.tokens[TOKEN] = Token("penstock")
    stated.world.clock.advance(3600)
    await stated.passed()
    assert [state for _, state, _ in stated.of(sha)] == ["success"]
