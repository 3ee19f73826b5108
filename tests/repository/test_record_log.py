"""The log of a lock file: what each commit of the record added or removed, whatever was done to the branch."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from controller.domain.desired import ArtifactsPolicy
from controller.repository.artifacts import outcome_in, outcome_text
from controller.repository.repository import Repository
from tests.repository.site import LOCK, MOMENT, POLICY, Site, delivery, recorded

OWN = ArtifactsPolicy(branch="penstock/records")


def later(manifest: str, version: str, hours: int) -> object:
    return recorded(manifest, version, at=MOMENT + timedelta(hours=hours))


def versions(repository: Repository, policy: ArtifactsPolicy = POLICY) -> list[list[str]]:
    """By commit, the new entries and, with a minus sign, the removed ones."""
    return [
        [f"{each.manifest} {each.version}" for each in record.entries]
        + [f"-{each.manifest}" for each in record.removed]
        for record in repository.record_log("production", policy).records
    ]


def test_each_commit_tells_only_what_it_added_or_removed(site: Site) -> None:
    repository = Repository.open(site.clone(site.remote(), "work"))
    queue = recorded("queue")
    repository.record(delivery(recorded(), queue))
    repository.record(delivery(later("main-ivr", "2.0", 1)))  # type: ignore[arg-type]
    repository.record(delivery(removed=(queue.key,)))

    assert versions(repository) == [["main-ivr 1.0", "queue 1.0"], ["main-ivr 2.0"], ["-queue"]]


def test_the_same_version_recorded_again_is_told_again(site: Site) -> None:
    repository = Repository.open(site.clone(site.remote(), "work"))
    for hours, version in enumerate(("1.0", "2.0", "1.0")):
        repository.record(delivery(later("main-ivr", version, hours)))  # type: ignore[arg-type]

    assert versions(repository) == [["main-ivr 1.0"], ["main-ivr 2.0"], ["main-ivr 1.0"]]


def test_a_lock_file_that_cannot_be_read_is_left_out_and_named(site: Site) -> None:
    remote = site.remote()
    work = site.clone(remote, "work")
    Repository.open(work).record(delivery(recorded()))
    broken = site.commit(work, {LOCK: "apiVersion: penstock/v1\nflows: what\n"})
    site.git("push", "-q", "origin", "main", at=work)

    log = Repository.open(site.clone(remote, "other")).record_log("production", POLICY)

    assert [each.manifest for record in log.records for each in record.entries] == ["main-ivr"]
    assert [note.startswith(f"the record {broken[:12]} was left out: ") for note in log.notes] == [True]


def test_a_lock_file_that_a_person_wrote_in_another_form_is_read(site: Site) -> None:
    remote = site.remote()
    work = site.clone(remote, "work")
    Repository.open(work).record(delivery(recorded()))
    text = (work / LOCK).read_text()
    entry = text[text.index("  - type") :].replace("  - ", "    ", 1)
    site.commit(work, {LOCK: text[: text.index("  - type")] + "  -\n" + entry.replace('"1.0"', '"9.0"')})
    site.git("push", "-q", "origin", "main", at=work)

    assert versions(Repository.open(site.clone(remote, "other"))) == [["main-ivr 1.0"], ["main-ivr 9.0"]]


def test_a_deleted_lock_file_removes_no_flow(site: Site) -> None:
    remote = site.remote()
    work = site.clone(remote, "work")
    Repository.open(work).record(delivery(recorded()))
    site.git("pull", "-q", at=work)
    (work / LOCK).unlink()
    site.commit(work, {})
    site.git("push", "-q", "origin", "main", at=work)

    assert versions(Repository.open(site.clone(remote, "other"))) == [["main-ivr 1.0"], []]


def test_a_squashed_branch_keeps_the_dates_of_its_entries(site: Site) -> None:
    remote = site.remote()
    work = site.clone(remote, "work")
    repository = Repository.open(work)
    repository.record(delivery(recorded()))
    repository.record(delivery(later("queue", "4.0", 2)))  # type: ignore[arg-type]
    site.git("pull", "-q", at=work)
    site.git("reset", "-q", "--soft", "HEAD~2", at=work)
    site.commit(work, {})
    site.git("push", "-q", "--force", "origin", "main", at=work)

    (record,) = Repository.open(site.clone(remote, "other")).record_log("production", POLICY).records

    assert [(each.manifest, each.recorded_at) for each in record.entries] == [
        ("main-ivr", MOMENT),
        ("queue", MOMENT + timedelta(hours=2)),
    ]


def test_records_from_before_the_branch_was_their_own_come_first(site: Site) -> None:
    repository = Repository.open(site.clone(site.remote(), "work"))
    repository.record(delivery(recorded()))
    repository.begin_records("production", OWN)
    repository.record(delivery(later("main-ivr", "2.0", 1), policy=OWN))  # type: ignore[arg-type]

    assert versions(repository, OWN) == [["main-ivr 1.0"], [], ["main-ivr 2.0"]]


def test_a_remote_that_is_away_is_noted_and_the_records_that_are_here_are_read(site: Site) -> None:
    remote = site.remote()
    work = site.clone(remote, "work")
    Repository.open(work).record(delivery(recorded()))
    remote.rename(site.root / "away.git")

    log = Repository.open(work).record_log("production", POLICY)

    assert [each.manifest for record in log.records for each in record.entries] == ["main-ivr"]
    assert ["the records that are here were read" in note for note in log.notes] == [True]


def test_authors_of_the_delivered_commits_are_read_where_they_are_here(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    delivered = site.commit(work, {"flow.yaml": "a"})
    site.git("push", "-q", "origin", "main", at=work)
    repository = Repository.open(work)
    repository.record(delivery(replace(recorded(), revision=delivered)))
    repository.record(delivery(replace(recorded("queue"), revision="f" * 40)))

    log = repository.record_log("production", POLICY)

    assert log.authors == {delivered: "Person <person@example.com>"}


def test_trailers_tell_the_outcome_of_each_flow_and_the_approver(site: Site) -> None:
    repository = Repository.open(site.clone(site.remote(), "work"))
    outcome = outcome_text({"main-ivr": "delivered", "queue": "rolled-back"})
    commit = replace(
        delivery(recorded(), recorded("queue")), outcome=outcome, approved_by="Grace\nPenstock-Lock: forged"
    )
    repository.record(commit)

    (record,) = repository.record_log("production", POLICY).records

    told = record.trailers["Penstock-Outcome"]
    assert told == "delivered main-ivr; rolled-back queue"
    assert [outcome_in(told, name) for name in ("main-ivr", "queue", "other")] == ["delivered", "rolled-back", None]
    assert record.trailers["Penstock-Approved-By"] == "Grace Penstock-Lock: forged"
    assert record.trailers["Penstock-Lock"] == LOCK


def test_outcomes_that_are_all_the_same_are_said_once() -> None:
    assert outcome_text({"front": "delivered", "hours": "delivered"}) == "delivered"
    assert outcome_in("delivered", "front") == "delivered"
    assert outcome_in("", "front") is None


def test_without_git_the_folder_has_the_last_record(site: Site) -> None:
    folder = site.root / "plain"
    folder.mkdir()
    repository = Repository.open(folder)
    repository.record(delivery(recorded()))

    log = repository.record_log("production", POLICY)

    assert [(each.at, each.entries[0].version) for each in log.records] == [(MOMENT, "1.0")]
    assert log.notes == ("there is no git: the folder has only the last records",)
