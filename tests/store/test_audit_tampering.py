"""`audit verify` finds whatever is done to a store, to daily files or to both of their ends."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.repository.audit_heads import AuditHead
from controller.store.audit_reading import AuditReading
from controller.store.engine import create_engine
from controller.store.store import Store
from tests.support.audit import audit_entries
from tests.support.audit_proofs import ORGANIZATION, append, proven, told
from tests.support.clock import SteppedClock

ENTRIES = 60
"""An hour apart, so three daily files."""
_MANY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[AuditReading, Path]]:
    """A store, open to be read, and the folder of its files, that nothing has touched."""
    folder = tmp_path_factory.mktemp("audit")
    clock = SteppedClock()
    with Store.open(f"sqlite:///{folder}/penstock.db", clock=clock, audit_folder=folder / "files") as store:
        append(store, ENTRIES, clock)
    with AuditReading.open(f"sqlite:///{folder}/penstock.db") as reading:
        assert told(proven(reading, [folder / "files"])) == []
        yield reading, folder / "files"


@pytest.fixture
def files(written: tuple[AuditReading, Path], tmp_path: Path) -> Path:
    """A copy of the files to tamper with."""
    return Path(shutil.copytree(written[1], tmp_path / "files"))


def whole(written: tuple[AuditReading, Path], files: Path) -> bool:
    return told(proven(written[0], [files])) == []


@_MANY
@given(data=st.data())
def test_any_changed_byte_of_a_file_is_found(
    written: tuple[AuditReading, Path], files: Path, data: st.DataObject
) -> None:
    file = data.draw(st.sampled_from(sorted(files.iterdir())))
    original = file.read_bytes()
    place = data.draw(st.integers(0, len(original) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda value: value != original[place]))
    file.write_bytes(original[:place] + bytes([byte]) + original[place + 1 :])
    try:
        assert not whole(written, files)
    finally:
        file.write_bytes(original)


@_MANY
@given(data=st.data())
def test_any_line_that_is_removed_doubled_or_moved_is_found(
    written: tuple[AuditReading, Path], files: Path, data: st.DataObject
) -> None:
    file = data.draw(st.sampled_from(sorted(files.iterdir())))
    original = file.read_bytes()
    lines = original.splitlines(keepends=True)
    one = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(0, len(lines) - 1).filter(lambda value: value != one))
    kind = data.draw(st.sampled_from(["removed", "doubled", "moved", "swapped"]))
    taken = lines[one]
    if kind == "swapped":
        lines[one], lines[other] = lines[other], lines[one]
    if kind in ("removed", "moved"):
        del lines[one]
    if kind in ("doubled", "moved"):
        lines.insert(other, taken)
    file.write_bytes(b"".join(lines))
    try:
        assert not whole(written, files), kind
    finally:
        file.write_bytes(original)


@_MANY
@given(count=st.integers(1, ENTRIES), at_the_end=st.booleans())
def test_files_that_are_cut_off_at_either_end_are_found(
    written: tuple[AuditReading, Path], files: Path, *, count: int, at_the_end: bool
) -> None:
    originals = {file: file.read_bytes() for file in sorted(files.iterdir())}
    all_lines = [(file, line) for file, text in originals.items() for line in text.splitlines(keepends=True)]
    kept = all_lines[:-count] if at_the_end else all_lines[count:]
    for file in originals:
        file.write_bytes(b"".join(line for name, line in kept if name == file))
        if not file.read_bytes():
            file.unlink()
    try:
        assert not whole(written, files)
    finally:
        for file, text in originals.items():
            file.write_bytes(text)


@pytest.fixture
def tampered(url: str, clock: SteppedClock) -> Iterator[sa.Engine]:
    """A store with 12 entries; each test does something to its table behind Penstock's back."""
    with Store.open(url, clock=clock) as store:
        append(store, 12, clock)
    assert told(proven(url)) == []
    engine = create_engine(url)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "UPDATE audit SET actor = 'Eve' WHERE position = 5",
            "position 5, production, 2026-01-05T16:00:00+00:00: it was",
        ),
        ("UPDATE audit SET latency_ms = latency_ms + 0.001 WHERE position = 5", "position 5"),
        ("UPDATE audit SET organization = 'staging' WHERE position = 5", "position 6, production"),
        ("UPDATE audit SET digest = previous WHERE position = 5", "position 5"),
        ("UPDATE audit SET position = NULL WHERE position = 12", "has no place in the chain"),
        ("DELETE FROM audit WHERE position = 5", "position 6, production, 2026-01-05T17:00:00+00:00: position 5 was"),
        ("DELETE FROM audit WHERE position BETWEEN 4 AND 6", "positions 4 to 6 were removed"),
        (
            "DELETE FROM audit WHERE position <= 3",
            "position 4, production, 2026-01-05T15:00:00+00:00: the entries before",
        ),
        (
            "DELETE FROM audit WHERE position >= 10",
            "position 9, production, 2026-01-05T20:00:00+00:00: the chain was cut",
        ),
        ("DELETE FROM audit", "position 0, production: the chain was cut off after it: its head is at position 12"),
        ("DELETE FROM audit_heads", "it is after the head of the chain"),
        ("UPDATE audit_heads SET digest = 'f'", "the head of the chain has another digest"),
        ("UPDATE audit_heads SET position = 11", "has another digest"),
    ],
)
def test_a_change_behind_penstocks_back_is_found(tampered: sa.Engine, url: str, statement: str, found: str) -> None:
    with tampered.begin() as connection:
        assert connection.execute(sa.text(statement)).rowcount
    assert any(found in each for each in told(proven(url))), told(proven(url))


def test_a_chain_that_was_forged_as_a_whole_is_found_by_what_left_the_store(
    url: str, clock: SteppedClock, tmp_path: Path
) -> None:
    with Store.open(url, clock=clock, audit_folder=tmp_path / "audit") as store:
        append(store, 6, clock)
        heads = [
            AuditHead("c" * 40, "2026-01-05", ORGANIZATION, each.position or 0, each.digest or "")
            for each in audit_entries(store)
        ]
    assert told(proven(url, [tmp_path / "audit"], heads)) == []
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM audit"))
        connection.execute(sa.text("DELETE FROM audit_heads"))
    engine.dispose()
    with Store.open(url, clock=SteppedClock()) as store:
        append(store, 3, clock)
    assert told(proven(url)) == []
    by_commits = told(proven(url, commits=heads))
    assert any("commit cccccccccccc" in each and "it ends at position 3" in each for each in by_commits)
    assert any("commit cccccccccccc" in each and "at position 2 its head is another" in each for each in by_commits)
    by_files = told(proven(url, [tmp_path / "audit"]))
    assert any("audit-2026-01-05.jsonl:2, production" in each and "another entry" in each for each in by_files)
    assert any("audit-2026-01-05.jsonl:6, production" in each and "was cut off" in each for each in by_files)


def test_a_head_of_a_record_commit_finds_the_end_that_store_and_head_have_lost(tampered: sa.Engine, url: str) -> None:
    with tampered.begin() as connection:
        digests = {
            row.position: row.digest for row in connection.execute(sa.text("SELECT position, digest FROM audit"))
        }
        connection.execute(sa.text("DELETE FROM audit WHERE position > 9"))
        connection.execute(sa.text("UPDATE audit_heads SET position = 9, digest = :d"), {"d": digests[9]})
    assert told(proven(url)) == []
    commit = AuditHead("d" * 40, "2026-01-06T00:00:00+00:00", ORGANIZATION, 11, digests[11])
    [found] = told(proven(url, commits=[commit]))
    assert found.startswith("commit dddddddddddd, production, 2026-01-06T00:00:00+00:00: the chain was cut off")


def test_files_alone_are_checked_where_there_is_no_store(written: tuple[AuditReading, Path], files: Path) -> None:
    assert told(proven(None, [files])) == []
    middle = sorted(files.iterdir())[1]
    middle.write_bytes(b"".join(middle.read_bytes().splitlines(keepends=True)[1:]))
    [found] = told(proven(None, [files]))
    assert f"{middle}:1, production" in found
    assert "was removed before it" in found


def test_lines_of_several_processes_make_one_whole(url: str, clock: SteppedClock, tmp_path: Path) -> None:
    with (
        Store.open(url, clock=clock, audit_folder=tmp_path / "one") as one,
        Store.open(url, clock=clock, audit_folder=tmp_path / "two") as two,
        Store.open(url, clock=clock) as without,
    ):
        for store in (one, two, without, two, one):
            append(store, 1, clock)
    assert told(proven(url, [tmp_path / "one", tmp_path / "two"])) == []
    assert len(told(proven(url, [tmp_path / "one"]))) == 2


def test_what_was_purged_is_whole_and_files_older_than_is_kept_are_not_asked_for(
    url: str, clock: SteppedClock, tmp_path: Path
) -> None:
    with Store.open(url, clock=clock, audit_folder=tmp_path, audit_days=2) as store:
        append(store, 100, clock)
        store.audit.purge()
    proof = proven(url, [tmp_path], since=clock.start.replace(day=7).date())
    assert told(proof) == []
    assert proof.chains[0].first == 53


def test_lines_from_before_the_chain_are_told_and_a_later_one_without_a_place_is_found(
    url: str, clock: SteppedClock, tmp_path: Path
) -> None:
    file = tmp_path / "audit-2026-01-05.jsonl"
    old = '{"action": "publish", "organization": "production", "timestamp": "2026-01-05T11:00:00+00:00"}\n'
    file.write_text(old)
    with Store.open(url, clock=clock, audit_folder=tmp_path) as store:
        append(store, 2, clock)
    proof = proven(url, [tmp_path])
    assert (told(proof), proof.unchecked) == ([], ["files: 1 line of versions without a chain"])
    file.write_text(file.read_text() + old)
    assert "no place in the chain" in told(proven(url, [tmp_path]))[0]
