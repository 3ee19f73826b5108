"""A record is one commit on the tip of the artifacts branch; what a person has in their work tree is left alone."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from controller.domain.desired import ArtifactsPolicy
from controller.domain.errors.delivery import LeaseLost
from controller.domain.errors.repository import BranchGone, RepositoryFailed
from controller.domain.platform import Export
from controller.repository.artifacts import ArtifactCommit, DeliveredFlow, SavedDraft
from controller.repository.objects import Signature
from controller.repository.record import RecordSettings
from controller.repository.repository import Repository
from tests.repository.site import LOCK, PATIENT, POLICY, Site, delivery, recorded, snapshot


def test_what_was_recorded_is_read_back_by_another_clone_without_pulling(site: Site) -> None:
    remote = site.remote()
    other = Repository.open(site.clone(remote, "other"))
    mine = Repository.open(site.clone(remote, "mine"))
    flow = recorded()
    landed = mine.record(delivery(flow))
    assert landed.pushed
    assert landed.sha == site.head(remote, "main")
    assert other.recorded_state("production", POLICY).flows == {flow.key: flow}


def test_before_the_first_delivery_the_recorded_state_is_empty(site: Site) -> None:
    repository = Repository.open(site.clone(site.remote(), "work"))
    assert repository.recorded_state("production", POLICY).flows == {}


def test_exports_stand_beside_the_lock_file_under_manifest_and_version(site: Site) -> None:
    remote = site.remote()
    Repository.open(site.clone(remote, "work")).record(delivery(recorded(version="13.0")))
    assert site.show(remote, "artifacts/production/main-ivr/13.0.json") == '{\n  "id": "id-of-main-ivr"\n}\n'
    assert site.show(remote, "artifacts/production/main-ivr/13.0.yaml") == "name: main-ivr\n"
    changed = site.git("show", "--name-only", "--format=", "main", at=remote).split()
    assert changed == [
        "artifacts/production/main-ivr/13.0.json",
        "artifacts/production/main-ivr/13.0.yaml",
        LOCK,
    ]


def test_a_draft_is_kept_under_its_flow(site: Site) -> None:
    remote = site.remote()
    draft = SavedDraft("main-ivr", "20260105T120000Z", Export("id", "14.0", definition={"draft": True}))
    Repository.open(site.clone(remote, "work")).record(ArtifactCommit("production", POLICY, drafts=(draft,)))
    assert "true" in site.show(remote, "artifacts/production/main-ivr/drafts/20260105T120000Z.json")
    assert site.git("log", "-1", "--format=%s", "main", at=remote).strip() == "production: keep a draft of main-ivr"


def test_the_message_names_flows_versions_revision_and_deployment(site: Site) -> None:
    remote = site.remote()
    commit = replace(delivery(recorded(), recorded("queue", "4.0")), summary=("2 published in 3 s",))
    commit = replace(commit, audit_head=f"7 {'d' * 64}")
    Repository.open(site.clone(remote, "work")).record(commit)
    assert site.git("log", "-1", "--format=%an <%ae>%n%B", "main", at=remote) == (
        "Penstock <penstock@localhost>\n"
        "production: record 2 flows\n\n"
        "- main-ivr 1.0\n- queue 4.0\n\n"
        "2 published in 3 s\n\n"
        "Penstock-Organization: production\n"
        "Penstock-Deployment: deployment-1\n"
        "Penstock-Revision: c0ffee\n"
        f"Penstock-Audit: 7 {'d' * 64}\n"
        "Penstock-Lock: artifacts/production/penstock.lock.yaml\n\n"
    )


def test_heads_of_the_audit_log_are_read_from_the_commits_of_their_organisation(site: Site) -> None:
    remote = site.remote()
    repository = Repository.open(site.clone(remote, "work"))
    for position, organization in ((7, "production"), (3, "staging"), (9, "production")):
        commit = replace(delivery(recorded(version=f"{position}.0")), organization=organization)
        repository.record(replace(commit, audit_head=f"{position} {'d' * 64}"))
    found = repository.audit_heads("production", POLICY)
    assert [(head.position, head.digest, head.organization) for head in found] == [
        (9, "d" * 64, "production"),
        (7, "d" * 64, "production"),
    ]


def test_no_text_in_the_message_can_forge_a_trailer(site: Site) -> None:
    remote = site.remote()
    forged = "x\n\nPenstock-Deployment: forged\nPenstock-Deployment: forged"
    commit = replace(delivery(recorded()), summary=(forged,), revision=forged)
    Repository.open(site.clone(remote, "work")).record(commit)
    trailers = site.git("log", "-1", "--format=%(trailers:key=Penstock-Deployment,valueonly)", "main", at=remote)
    assert trailers.split() == ["deployment-1"]


def test_the_author_is_the_operators_choice(site: Site) -> None:
    remote = site.remote()
    settings = RecordSettings(signature=Signature("Deployer", "deployer@example.com"))
    Repository.open(site.clone(remote, "work"), settings=settings).record(delivery(recorded()))
    names = site.git("log", "-1", "--format=%an <%ae> %cn <%ce>", "main", at=remote).strip()
    assert names == "Deployer <deployer@example.com> Deployer <deployer@example.com>"


def test_recording_the_same_again_makes_no_commit(site: Site) -> None:
    remote = site.remote()
    repository = Repository.open(site.clone(remote, "work"))
    first = repository.record(delivery(recorded()))
    again = repository.record(delivery(recorded()))
    assert (again.sha, again.changed, again.pushed) == (first.sha, False, True)
    assert site.count(remote) == 2


def test_a_removed_flow_leaves_the_lock_file_and_its_exports_stay(site: Site) -> None:
    remote = site.remote()
    repository = Repository.open(site.clone(remote, "work"))
    repository.record(delivery(recorded(), recorded("queue")))
    repository.record(delivery(removed=(recorded("queue").key,)))
    assert list(repository.recorded_state("production", POLICY).flows) == [recorded().key]
    assert site.show(remote, "artifacts/production/queue/1.0.json")


def test_organisations_share_a_branch_without_touching_each_other(site: Site) -> None:
    repository = Repository.open(site.clone(site.remote(), "work"))
    repository.record(delivery(recorded()))
    repository.record(delivery(recorded(version="9.0"), organization="staging"))
    assert repository.recorded_state("production", POLICY).flows[recorded().key].version == "1.0"
    assert repository.recorded_state("staging", POLICY).flows[recorded().key].version == "9.0"


@pytest.mark.parametrize("branch", ["artifacts", "penstock/artifacts", "releases/é/1"])
def test_a_branch_that_does_not_exist_begins_with_artifacts_alone(site: Site, branch: str) -> None:
    remote = site.remote()
    policy = ArtifactsPolicy(branch=branch)
    repository = Repository.open(site.clone(remote, "work"))
    repository.record(delivery(recorded(), policy=policy))
    repository.record(delivery(recorded(version="2.0"), policy=policy))
    assert site.count(remote, branch) == 2
    assert all(
        path.startswith("artifacts/") for path in site.git("ls-tree", "-r", "--name-only", branch, at=remote).split()
    )
    assert repository.recorded_state("production", policy).flows[recorded().key].version == "2.0"


def test_a_branch_and_one_below_its_old_name_follow_each_other(site: Site) -> None:
    remote = site.remote()
    repository = Repository.open(site.clone(remote, "work"))
    repository.record(delivery(recorded(), policy=ArtifactsPolicy(branch="a")))
    site.git("branch", "-q", "-D", "a", at=remote)
    assert repository.record(delivery(recorded(), policy=ArtifactsPolicy(branch="a/b"))).pushed


def test_the_first_commit_of_an_empty_remote_is_its_teams(site: Site) -> None:
    remote = site.remote(seeded=False)
    repository = Repository.open(site.clone(remote, "work"))
    assert repository.revision() == "none"
    assert repository.recorded_state("production", POLICY).flows == {}
    for policy in (POLICY, ArtifactsPolicy()):
        with pytest.raises(BranchGone, match="has no branch main, and Penstock never makes it"):
            repository.record(delivery(recorded(), policy=policy))
    assert site.git("for-each-ref", at=remote) == ""


def test_a_clean_clone_follows_its_own_push(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    repository = Repository.open(work)
    landed = repository.record(delivery(recorded()))
    assert landed.note is None
    assert site.head(work) == landed.sha
    assert site.git("status", "--porcelain", at=work) == ""
    assert (work / LOCK).is_file()


def test_a_dirty_work_tree_and_its_index_stay_as_they_are_byte_for_byte(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    site.commit(work, {"flows/a.yaml": "a\n", "flows/b.yaml": "b\n"})
    site.git("push", "-q", at=work)
    (work / "flows/a.yaml").write_text("changed, not staged\n")
    (work / "flows/b.yaml").write_text("changed and staged\n")
    (work / "new.txt").write_text("untracked\n")
    site.git("add", "flows/b.yaml", at=work)
    os.utime(work / "manifests/production.yaml", (1, 1))  # git would note the new time in the index
    before = snapshot(work)
    repository = Repository.open(work)
    repository.recorded_state("production", POLICY)
    repository.record(delivery(recorded(), policy=ArtifactsPolicy(branch="artifacts")))
    assert snapshot(work) == before


def test_changes_of_a_person_survive_the_fast_forward(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    (work / "manifests/production.yaml").write_text("half a thought\n")
    (work / "staged.txt").write_text("staged\n")
    site.git("add", "staged.txt", at=work)
    landed = Repository.open(work).record(delivery(recorded()))
    assert landed.note is None
    assert (work / "manifests/production.yaml").read_text() == "half a thought\n"
    assert site.git("status", "--porcelain", at=work) == " M manifests/production.yaml\nA  staged.txt\n"


@pytest.mark.parametrize("ignored", [False, True])
def test_a_file_in_the_way_of_the_fast_forward_is_kept_and_said(site: Site, ignored: bool) -> None:
    remote = site.remote()
    work = site.clone(remote, "work")
    if ignored:
        (work / ".git/info/exclude").write_text("artifacts\n")
    (work / LOCK).parent.mkdir(parents=True)
    (work / LOCK).write_text("mine\n")
    before = snapshot(work)
    landed = Repository.open(work).record(delivery(recorded()))
    assert landed.pushed
    assert landed.note is not None
    assert "could not follow" in landed.note
    assert snapshot(work) == before
    assert site.head(remote, "main") == landed.sha


def test_commits_that_a_person_has_not_pushed_are_not_pushed_for_them(site: Site) -> None:
    remote = site.remote()
    work = site.clone(remote, "work")
    own = site.commit(work, {"secret-plan.txt": "not yet\n"})
    landed = Repository.open(work).record(delivery(recorded()))
    assert landed.note is not None
    assert "pull when it suits" in landed.note
    assert site.head(work) == own
    assert "secret-plan.txt" not in site.git("ls-tree", "--name-only", "main", at=remote)


def test_a_detached_checkout_records_and_stays_where_it_is(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    site.git("checkout", "-q", "--detach", at=work)
    before = site.head(work)
    repository = Repository.open(work)
    assert site.git("branch", "--show-current", at=work) == ""
    assert repository.record(delivery(recorded())).pushed
    assert site.head(work) == before


def test_a_shallow_clone_records(site: Site) -> None:
    remote = site.remote()
    site.commit(site.root / "seed-of-origin.git", {"x": "2"})
    site.git("push", "-q", "origin", "main", at=site.root / "seed-of-origin.git")
    site.git("clone", "-q", "--depth=1", f"file://{remote}", "shallow")
    assert Repository.open(site.root / "shallow").record(delivery(recorded())).pushed
    assert site.count(remote) == 3


def test_without_a_remote_the_local_branch_holds_the_record(site: Site) -> None:
    site.git("init", "-q", "-b", "main", "alone")
    alone = site.root / "alone"
    site.commit(alone, {"a": "1"})
    repository = Repository.open(alone)
    landed = repository.record(delivery(recorded()))
    assert not landed.pushed
    assert site.head(alone) == landed.sha
    assert repository.recorded_state("production", POLICY).flows
    assert site.git("status", "--porcelain", at=alone) == ""


def test_without_a_remote_a_branch_that_is_not_checked_out_is_moved(site: Site) -> None:
    site.git("init", "-q", "-b", "main", "alone")
    alone = site.root / "alone"
    head = site.commit(alone, {"a": "1"})
    policy = ArtifactsPolicy(branch="artifacts")
    repository = Repository.open(alone)
    repository.record(delivery(recorded(), policy=policy))
    landed = repository.record(delivery(recorded(version="2.0"), policy=policy))
    assert site.head(alone, "artifacts") == landed.sha
    assert site.head(alone) == head


def test_without_a_remote_a_file_in_the_way_keeps_the_record_aside_until_it_is_gone(site: Site) -> None:
    site.git("init", "-q", "-b", "main", "alone")
    alone = site.root / "alone"
    site.commit(alone, {"a": "1"})
    (alone / LOCK).parent.mkdir(parents=True)
    (alone / LOCK).write_text("mine\n")
    repository = Repository.open(alone)
    with pytest.raises(RepositoryFailed, match="is kept on refs/penstock/pending/production/main"):
        repository.record(delivery(recorded()))
    assert (alone / LOCK).read_text() == "mine\n"
    assert repository.recorded_state("production", POLICY).flows
    (alone / LOCK).unlink()
    assert [landed.changed for landed in repository.flush_pending()] == [True]
    assert repository.pending() == ()
    assert "main-ivr" in (alone / LOCK).read_text()


def test_a_bare_repository_records_on_its_branch(site: Site) -> None:
    bare = site.remote()
    repository = Repository.open(bare)
    landed = repository.record(delivery(recorded()))
    assert site.head(bare, "main") == landed.sha
    assert repository.recorded_state("production", POLICY).flows


def test_a_branch_that_is_checked_out_in_another_work_tree_follows_there(site: Site) -> None:
    site.git("init", "-q", "-b", "main", "alone")
    alone = site.root / "alone"
    site.commit(alone, {"a": "1"})
    site.git("worktree", "add", "-q", "-b", "artifacts", str(site.root / "second"), at=alone)
    policy = ArtifactsPolicy(branch="artifacts")
    Repository.open(alone).record(delivery(recorded(), policy=policy))
    assert (site.root / "second" / LOCK).is_file()
    assert site.git("status", "--porcelain", at=site.root / "second") == ""


def test_a_linked_work_tree_is_a_repository_of_its_own(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    site.git("worktree", "add", "-q", "-b", "topic", str(site.root / "linked"), at=work)
    repository = Repository.open(site.root / "linked" / "manifests")
    assert repository.top == (site.root / "linked").resolve()
    assert site.git("branch", "--show-current", at=site.root / "linked").strip() == "topic"
    assert repository.record(delivery(recorded())).pushed


def test_without_git_the_folder_holds_the_record(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    assert repository.revision() == "none"
    assert repository.recorded_state("production", POLICY).flows == {}
    landed = repository.record(delivery(recorded()))
    assert (landed.sha, landed.pushed, landed.changed) == (None, False, True)
    assert repository.record(delivery(recorded())).changed is False
    assert repository.recorded_state("production", POLICY).flows == {recorded().key: recorded()}
    files = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    assert files == ["artifacts/production/main-ivr/1.0.json", "artifacts/production/main-ivr/1.0.yaml", LOCK]


def test_without_git_nothing_is_written_through_a_link_that_leaves_the_folder(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "top").mkdir()
    (tmp_path / "top" / "artifacts").symlink_to(outside)
    with pytest.raises(RepositoryFailed, match="leads out of the folder"):
        Repository.open(tmp_path / "top").record(delivery(recorded()))
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("text", ["<<<<<<< HEAD\n", "flows: [", "kind: Other\n", ""])
def test_a_broken_lock_file_is_neither_taken_for_empty_nor_overwritten(site: Site, text: str) -> None:
    remote = site.remote()
    work = site.clone(remote, "work")
    broken = site.commit(work, {LOCK: text})
    site.git("push", "-q", at=work)
    repository = Repository.open(work)
    with pytest.raises(RepositoryFailed, match=rf"{broken[:12]}:{LOCK}:\d+: the lock file"):
        repository.recorded_state("production", POLICY)
    with pytest.raises(RepositoryFailed, match=rf"{LOCK}:\d+: .* is kept on refs/penstock/pending"):
        repository.record(delivery(recorded()))
    assert site.head(remote, "main") == broken


def test_a_record_that_met_a_broken_lock_file_arrives_once_it_is_mended(site: Site) -> None:
    remote = site.remote()
    work = site.clone(remote, "work")
    site.commit(work, {LOCK: "<<<<<<< HEAD\n"})
    site.git("push", "-q", at=work)
    repository = Repository.open(work)
    with pytest.raises(RepositoryFailed):
        repository.record(delivery(recorded()))
    site.git("rm", "-q", LOCK, at=work)
    site.git("commit", "-q", "-m", "mend", at=work)
    site.git("push", "-q", at=work)
    assert [landed.pushed for landed in repository.flush_pending()] == [True]
    assert repository.recorded_state("production", POLICY).flows == {recorded().key: recorded()}


def test_eight_hundred_flows_are_recorded_in_one_commit_quickly(site: Site) -> None:
    remote = site.remote()
    repository = Repository.open(site.clone(remote, "work"), settings=PATIENT)
    flows = [recorded(f"flow-{number:03d}") for number in range(800)]
    assert repository.record(delivery(*flows)).changed
    assert site.count(remote) == 2
    assert len(repository.recorded_state("production", POLICY).flows) == 800


def test_an_entry_without_an_export_is_recorded_alone(site: Site) -> None:
    remote = site.remote()
    commit = ArtifactCommit("production", POLICY, (DeliveredFlow(recorded()),))
    Repository.open(site.clone(remote, "work")).record(commit)
    assert site.git("show", "--name-only", "--format=", "main", at=remote).split() == [LOCK]


def test_nothing_is_pushed_or_kept_without_a_permit(site: Site) -> None:
    """Asked before every push, so that whoever lost the right while a race was lost does not push after it."""
    remote = site.remote()
    repository, other = Repository.open(site.clone(remote, "work")), Repository.open(site.clone(remote, "other"))
    asked = 0

    def once() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            other.record(delivery(recorded("queue", "4.0")))
            return
        raise LeaseLost("another controller took over")

    with pytest.raises(LeaseLost):
        repository.record(delivery(recorded()), once)

    assert asked == 2
    assert set(repository.recorded_state("production", POLICY).flows) == {recorded("queue", "4.0").key}
    assert repository.pending() == ()
