"""A name that was given to another organisation: what was recorded of the former one is no record of the new one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controller.domain.errors.repository import GitRemoteFailed
from controller.domain.recorded import RecordedState
from controller.repository.artifacts import ArtifactCommit, SavedDraft
from controller.repository.repository import Repository
from tests.repository.site import PATIENT, POLICY, Site, delivery, recorded

OLD, NEW = "old-organisation", "new-organisation"
IVR, DESK = recorded(), recorded("desk")


@pytest.fixture
def remote(site: Site) -> Path:
    return site.remote()


@pytest.fixture
def repository(site: Site, remote: Path) -> Repository:
    return Repository.open(site.clone(remote, "work"), settings=PATIENT)


def of(organization_id: str | None, *flows: object) -> ArtifactCommit:
    return replace(delivery(*flows), organization_id=organization_id)  # type: ignore[arg-type]


def state(repository: Repository) -> RecordedState:
    return repository.recorded_state("production", POLICY)


def test_deliveries_to_one_organisation_add_up(repository: Repository) -> None:
    repository.record(of(OLD, IVR))
    repository.record(of(OLD, DESK))
    assert state(repository) == RecordedState("production", {IVR.key: IVR, DESK.key: DESK}, OLD)


def test_the_first_delivery_to_another_organisation_begins_a_new_record(repository: Repository) -> None:
    repository.record(of(OLD, IVR))
    repository.record(of(NEW, DESK))
    assert state(repository) == RecordedState("production", {DESK.key: DESK}, NEW)


def test_a_record_is_read_for_its_own_organisation_alone(repository: Repository) -> None:
    repository.record(of(OLD, IVR))
    found = state(repository)
    assert found.of(OLD) == found
    assert found.of(NEW) == RecordedState("production")


@pytest.mark.parametrize("told", [None, OLD])
def test_a_record_that_does_not_tell_may_be_of_any_organisation(repository: Repository, told: str | None) -> None:
    """One of an older version, or of an organisation that does not tell its id, counts until a delivery says more."""
    repository.record(of(None, IVR))
    assert state(repository).of(told).flows == {IVR.key: IVR}
    repository.record(of(told, DESK))
    assert state(repository) == RecordedState("production", {IVR.key: IVR, DESK.key: DESK}, told)


def test_a_draft_that_is_kept_changes_no_record(repository: Repository) -> None:
    repository.record(of(OLD, IVR))
    [flow] = delivery(DESK).flows
    assert flow.export is not None
    repository.record(ArtifactCommit("production", POLICY, drafts=(SavedDraft("desk", "1", flow.export),)))
    assert state(repository) == RecordedState("production", {IVR.key: IVR}, OLD)


def test_what_waited_to_be_pushed_goes_out_before_the_new_record_and_not_into_it(
    site: Site, repository: Repository, remote: Path
) -> None:
    away = remote.rename(remote.with_name("unplugged"))
    with pytest.raises(GitRemoteFailed):
        repository.record(of(OLD, IVR))
    away.rename(remote)

    repository.record(of(NEW, DESK))

    assert state(repository) == RecordedState("production", {DESK.key: DESK}, NEW)
    assert repository.pending() == ()
    files = site.git("ls-tree", "-r", "--name-only", "main", at=remote)
    assert "production/main-ivr/1.0.yaml" in files


def test_what_waited_in_another_clone_does_not_undo_the_new_record(
    site: Site, repository: Repository, remote: Path
) -> None:
    away = remote.rename(remote.with_name("unplugged"))
    with pytest.raises(GitRemoteFailed):
        repository.record(of(OLD, IVR))
    away.rename(remote)
    Repository.open(site.clone(remote, "elsewhere"), settings=PATIENT).record(of(NEW, DESK))

    repository.flush_pending()

    assert state(repository) == RecordedState("production", {DESK.key: DESK}, NEW)
