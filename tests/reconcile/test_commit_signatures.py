"""Where the operator names signers, nothing is delivered from a revision that none of them signed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import CommitUnverified
from controller.questions.refusals import with_refusals
from controller.reconcile.branch import BranchNames, open_branch
from controller.reconcile.settings import load_settings
from controller.repository.repository import Repository
from controller.service.feeds import GitFeed
from tests.support.organizations import writes_to
from tests.support.patience import PATIENCE_S
from tests.support.signing import Keys, made_keys
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, World


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with made_keys() as made:
        (made.folder / "signers").write_text(f"person@example.com {made.ssh('good')}\n")
        made.ssh("strange")
        yield made


@pytest.fixture
def signed(world: World, keys: Keys) -> World:
    """A world whose operator names signers, with a first commit that one of them signed."""
    update = {"commit_signers": keys.folder / "signers"}
    world.settings = world.settings.model_copy(update=update)
    world.services.settings = world.services.settings.model_copy(update=update)
    world.flow("front", inbound("Front"))
    push(world, keys, "good")
    return world


def push(world: World, keys: Keys, key: str | None, *, force: bool = False) -> str:
    sha = keys.sign(world.clone, key)
    world.git("push", "--quiet", *(["--force"] if force else []), "origin", "HEAD:main")
    return sha


async def test_apply_refuses_what_no_signer_signed_and_the_plan_says_so(signed: World, keys: Keys) -> None:
    assert (await signed.apply()).delivered
    signed.flow("front", inbound("Front", says="Not signed"))
    sha = push(signed, keys, None)
    writes = writes_to(signed.simulator)

    planned, refused = await signed.plan(), await signed.apply(allow_unpushed=True, allow_dirty=True)

    for told in (planned.unpushed, refused.error):
        assert isinstance(told, CommitUnverified)
        assert told.message == f"the commit {sha[:12]} is not verified: it is not signed"
    assert signed.status(planned).held_back[0].code == "commit-unverified"
    organization = signed.workspace().organization(ORGANIZATION)
    shown = with_refusals(planned.plan_or_raise(), organization, signed.services, (), planned.unpushed)
    assert "commit-unverified" in {each.code for each in shown.held_back}
    assert writes_to(signed.simulator) == writes

    push(signed, keys, "good")
    assert (await signed.apply()).delivered
    assert signed.versions() == {"inboundcall/Front": "2.0"}


async def test_what_is_not_committed_is_not_verified(signed: World) -> None:
    signed.flow("front", inbound("Front", says="Not committed"))

    refused = await signed.apply(allow_dirty=True)

    assert isinstance(refused.error, CommitUnverified)
    assert refused.error.message == "1 uncommitted change cannot be verified: only a commit is signed"
    assert signed.versions() == {}


async def test_a_person_may_roll_back_whatever_the_newest_commit_is(signed: World, keys: Keys) -> None:
    await signed.apply()
    signed.flow("front", inbound("Front", says="Later"))
    push(signed, keys, "good")
    await signed.apply()
    push(signed, keys, None)

    assert (await signed.rollback("front")).error is None


async def test_the_feed_keeps_the_last_good_revision_and_goes_on_with_the_next_signed_one(
    signed: World, keys: Keys
) -> None:
    """Unsigned, by a strange key, and a rewritten history: none is read. The records of Penstock need no signature."""
    await signed.apply()
    told: list[PenstockError | None] = []
    feed = GitFeed(lambda: cloned(signed), signed.settings, signed.clock)

    def refused(fault: PenstockError | None) -> None:
        """Each fault makes the author push the next commit."""
        told.append(fault)
        if isinstance(fault, CommitUnverified):
            next(pushes, None)

    def author(first: str) -> Iterator[str]:
        signed.flow("front", inbound("Front", says="Later"))
        yield push(signed, keys, None)
        yield push(signed, keys, "strange")
        signed.git("reset", "--quiet", "--hard", first)
        signed.flow("front", inbound("Front", says="Rewritten"))
        yield push(signed, keys, None, force=True)
        yield push(signed, keys, "good")

    async with asyncio.timeout(PATIENCE_S), aclosing(feed.workspaces(refused)) as workspaces:
        pushes = author((await anext(workspaces)).revision)
        next(pushes)

        assert (await anext(workspaces)).revision == signed.git("rev-parse", "HEAD")

    reasons = [fault.message.partition(": ")[2] for fault in told if isinstance(fault, CommitUnverified)]
    strange = f"the SSH key {keys.ssh_fingerprint('strange')} that signed it is not in PENSTOCK_COMMIT_SIGNERS"
    assert reasons == ["it is not signed", strange, "it is not signed"]


def cloned(world: World) -> Repository:
    return Repository.clone(str(world.remote), world.folder / "service.git", branch="main")


async def test_the_base_of_a_pull_request_must_be_signed_and_its_head_need_not(signed: World, keys: Keys) -> None:
    signed.git("switch", "--quiet", "--create", "topic")
    signed.flow("front", inbound("Front", says="Topic"))
    keys.sign(signed.clone, None)
    repository = Repository.open(signed.clone)
    names = BranchNames("main", "topic")

    assert open_branch(repository, names, signed.settings, loopback=True).organizations

    signed.git("switch", "--quiet", "main")
    base = keys.sign(signed.clone, None)
    with pytest.raises(CommitUnverified, match=base[:12]):
        open_branch(repository, names, signed.settings, loopback=True)


def test_settings_name_the_keys_by_absolute_paths(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_COMMIT_SIGNERS", "")
    monkeypatch.setenv("PENSTOCK_COMMIT_KEYRING", "")
    assert load_settings().signers is None

    monkeypatch.setenv("PENSTOCK_COMMIT_KEYRING", str(keys.folder))
    signers = load_settings().signers
    assert signers is not None
    assert (signers.ssh, signers.openpgp) == (None, keys.folder)

    monkeypatch.setenv("PENSTOCK_COMMIT_SIGNERS", ".github/allowed_signers")
    with pytest.raises(SettingsInvalid, match=r"PENSTOCK_COMMIT_SIGNERS: .*must be an absolute path"):
        load_settings()
