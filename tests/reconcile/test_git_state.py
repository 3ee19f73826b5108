"""What git holds decides: unpushed commits, branches that are gone, rewritten history, renamed organisations."""

from __future__ import annotations

import yaml

from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.errors.repository import BranchGone, Unpushed
from controller.domain.identity import FlowKey
from controller.domain.status import SyncStatus
from controller.planning.model import ChangeKind
from controller.reconcile.pass_ import Mode
from tests.reconcile.scenes import live
from tests.support.dialects import BOTH
from tests.support.organizations import apply_as, rename, writes_to
from tests.support.played_once import played_once
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, RECORDS, Recording, World

FRONT = FlowKey("inboundcall", "Front")
LOCK = f"{RECORDS}:artifacts/{ORGANIZATION}/penstock.lock.yaml"


def remote_branches(world: World) -> dict[str, str]:
    listing = world._git(world.remote, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
    return dict(line.split() for line in listing.splitlines())


def kinds(report) -> dict[str, ChangeKind]:
    return {change.flow: change.kind for change in report.plan_or_raise().actions}


# Commits that nobody else has.


@BOTH
async def test_a_commit_that_the_followed_branch_does_not_hold_is_refused_and_the_plan_says_so(world: World) -> None:
    await live(world, front=inbound("Front"))
    world.git("switch", "--quiet", "--create", "feature")
    world.flow("front", inbound("Front", says="Not merged"))
    world.git("commit", "--quiet", "--all", "--message", "Try it")
    writes, branches = writes_to(world.simulator), remote_branches(world)

    planned, refused = await world.plan(), await world.apply()

    assert planned.plan is not None
    for told in (planned.unpushed, refused.error):
        assert isinstance(told, Unpushed)
        assert "the branch main of" in told.message
        assert "--allow-unpushed" in str(told.hint)
    assert world.status(planned).held_back[0].code == "unpushed"
    assert (writes_to(world.simulator), remote_branches(world)) == (writes, branches)

    lifted = await world.apply(allow_unpushed=True)
    assert lifted.delivered
    assert lifted.commit is not None
    assert lifted.commit.branch == RECORDS


async def test_a_commit_that_is_older_than_the_branch_is_delivered(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    world.flow("other", inbound("Other"))
    world.commit()
    world.git("checkout", "--quiet", "--detach", "HEAD~1")
    assert (await world.apply()).delivered
    assert world.versions() == {"inboundcall/Front": "1.0"}


# Branches that are gone.


@BOTH
async def test_while_the_followed_branch_is_gone_no_pass_writes_anything(world: World) -> None:
    await live(world, front=inbound("Front"))
    sha = world.git("rev-parse", "HEAD")
    world._git(world.remote, "update-ref", "-d", "refs/heads/main")
    world.publish_all_by_hand()
    writes, branches = writes_to(world.simulator), remote_branches(world)
    for mode in (Mode.PLAN, Mode.APPLY, Mode.RECOVER):
        report = await world._pass(mode, Recording())
        assert isinstance(report.error, BranchGone)
        assert report.sync_status is SyncStatus.UNKNOWN
    assert isinstance((await world.rollback("front")).error, BranchGone)
    assert (writes_to(world.simulator), remote_branches(world)) == (writes, branches)
    world.git("push", "--quiet", "origin", f"{sha}:refs/heads/main")
    assert (await world.apply()).error is None


async def test_records_that_are_gone_are_told_also_after_a_restart_without_a_clone(world: World) -> None:
    await live(world, front=inbound("Front"))
    sha = remote_branches(world)[RECORDS]
    world._git(world.remote, "update-ref", "-d", f"refs/heads/{RECORDS}")
    world.clone.rename(world.folder / "lost")
    world._git(world.folder, "clone", "--quiet", str(world.remote), str(world.clone))
    await world.restart()
    for report in (await world.plan(), await world.apply()):
        assert isinstance(report.error, BranchGone)
        assert f"{RECORDS} is gone; it was at {sha[:12]}" in report.error.message
    assert remote_branches(world).keys() == {"main"}


# Where records are.


async def test_the_record_of_the_old_default_is_brought_over_and_nothing_is_published_again(world: World) -> None:
    world.describe(artifacts={"branch": "main"})
    world.flow("front", inbound("Front"))
    world.commit()
    first = await world.apply()
    assert first.commit is not None
    assert first.commit.branch == "main"
    world.git("pull", "--quiet", "--rebase", "origin", "main")
    world.describe()
    world.commit("Use the default")
    before = remote_branches(world)["main"]

    planned = await world.plan()
    assert planned.plan_or_raise().empty
    await world.apply()

    assert world.publishes() == ["inboundcall/Front"]
    assert remote_branches(world)["main"] == before
    message = world._git(world.remote, "log", "--format=%s", RECORDS)
    assert message == f"{ORGANIZATION}: begin the record from main@{before[:12]}"
    await world.assert_settled()


async def test_the_lock_file_names_the_store_and_the_dialect_of_what_it_records(world: World) -> None:
    await live(world, front=inbound("Front"))
    lock = yaml.safe_load(world._git(world.remote, "show", LOCK))
    store_id = world.services.store.known_branches.store_id
    assert (lock["store"], lock["flows"][0]["api"]) == (store_id, ARCHITECT)
    await world.restart()
    assert world.services.store.known_branches.store_id == store_id


# History that was rewritten.


@played_once
async def two_deliveries(world: World) -> None:
    """`front` is live in its second version. Below the commits of that one is the record of the first."""
    world.describe(artifacts={"branch": "main"})
    world.flow("front", inbound("Front", says="One"))
    world.commit()
    await world.apply()
    world.git("pull", "--quiet", "--rebase", "origin", "main")
    world.clock.advance(60)
    world.flow("front", inbound("Front", says="Two"))
    world.commit()
    await world.apply()


@BOTH
async def test_after_a_force_push_own_publishes_are_known_and_git_is_delivered_both_ways(world: World) -> None:
    await two_deliveries(world)
    one = world.git("rev-parse", "HEAD~2")
    world.git("pull", "--quiet", "--rebase", "origin", "main")
    two = world.git("rev-parse", "HEAD")
    first, second = "1.0", world.live(*_parts(FRONT))
    assert second == "2.0"

    world.clock.advance(60)
    world.git("reset", "--quiet", "--hard", one)
    world.git("push", "--quiet", "--force", "origin", "main")
    planned = await world.plan()
    assert not planned.plan_or_raise().drift
    assert kinds(planned) == {"front": ChangeKind.RESTORE if world.dialect == ARCHITECT else ChangeKind.SWITCH}
    assert "delivered for a commit that the branch does not hold any more" in planned.plan_or_raise().actions[0].reason
    assert (await world.apply()).delivered
    assert world.live(*_parts(FRONT)) == first

    world.clock.advance(60)
    world.git("reset", "--quiet", "--hard", two)
    world.git("push", "--quiet", "--force", "origin", "main")
    assert not (await world.plan()).plan_or_raise().drift
    assert (await world.apply()).delivered
    assert world.live(*_parts(FRONT)) == second
    await world.assert_settled()


@BOTH
async def test_what_somebody_publishes_stays_an_out_of_band_change_after_a_force_push(world: World) -> None:
    await two_deliveries(world)
    one = world.git("rev-parse", "HEAD~2")
    world.clock.advance(60)
    world._publish_by_hand(*world._check_in(inbound("Front", says="By hand")))
    world.git("reset", "--quiet", "--hard", one)
    world.git("push", "--quiet", "--force", "origin", "main")
    planned = await world.plan()
    assert [drift.kind for drift in planned.plan_or_raise().drift] == ["version"]
    assert planned.plan_or_raise().empty


# Names and dialects that change.


@BOTH
async def test_a_renamed_organisation_is_told_of_its_old_record(world: World) -> None:
    await live(world, front=inbound("Front"))
    rename(world, "newname")
    world.commit()
    told = f"artifacts/{ORGANIZATION}/ on {RECORDS} is the record of this very organisation under the name"
    for mode in (Mode.PLAN, Mode.APPLY, Mode.PLAN):
        report = await apply_as(world, "newname", mode=mode)
        (warning,) = report.plan_or_raise().warnings
        assert warning.startswith(told)
        assert "give it its old name back" in warning
    rename(world, ORGANIZATION)
    world.commit()
    back = (await world.plan()).plan_or_raise()
    assert back.empty
    assert len(back.warnings) == 1


async def test_a_version_that_another_dialect_recorded_and_this_one_does_not_show_is_undetermined(world: World) -> None:
    world.describe(sync={"heal": True})
    await live(world, front=inbound("Front"))
    world.by_hand("unpublish", *_parts(FRONT))
    by_hand = (await world.plan()).plan_or_raise()
    assert [drift.kind for drift in by_hand.drift] == ["version"]

    world.git("fetch", "--quiet", "origin", f"+{RECORDS}:{RECORDS}")
    world.git("switch", "--quiet", RECORDS)
    path = world.clone / f"artifacts/{ORGANIZATION}/penstock.lock.yaml"
    path.write_text(path.read_text().replace(f"api: {ARCHITECT}", f"api: {VERSIONED}"))
    world.git("commit", "--quiet", "--all", "--message", "Recorded over the other dialect")
    world.git("push", "--quiet", "origin", RECORDS)
    world.git("switch", "--quiet", "main")

    report = await world.plan()
    (drift,) = report.plan_or_raise().drift
    assert (drift.kind, drift.expected, drift.actual) == ("undetermined", "1.0", None)
    assert "hand" not in drift.message
    assert report.plan_or_raise().empty
    assert report.sync_status is SyncStatus.OUT_OF_SYNC


def _parts(key: FlowKey) -> tuple[str, str]:
    return key.type, key.name
