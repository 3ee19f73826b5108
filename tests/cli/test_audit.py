"""`penstock audit list`, `export` and `verify`, as an auditor uses them after a delivery."""

from __future__ import annotations

import copy
import csv
import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.cli.commands.audit.export import COLUMNS
from controller.domain.clock import SystemClock
from controller.store.audit import AuditEntry
from controller.store.audit_chain import FIELDS
from controller.store.store import Store
from tests.support.documents import follows_its_schema
from tests.support.inside import InsideShell
from tests.support.shell import simulator_thread
from tests.support.sources import module


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InsideShell]:
    """A repository with two deliveries; daily files are beside it."""
    with simulator_thread() as url:
        made = InsideShell(tmp_path_factory.mktemp("audit"), url)
        made.environment["PENSTOCK_AUDIT_DIR"] = str(made.folder.parent / "audit")
        assert made.run("apply").returncode == 0
        made.flow("hours", module("Hours", says="Other"))
        made.commit()
        assert made.run("apply").returncode == 0
        yield made


def beside(shell: InsideShell, folder: Path, store: str) -> InsideShell:
    """The command in another folder, with another store and without daily files."""
    other = copy.copy(shell)
    other.folder, other.environment = folder, {**shell.environment, "PENSTOCK_STORE": store}
    del other.environment["PENSTOCK_AUDIT_DIR"]
    return other


def daily(shell: InsideShell) -> Path:
    return next((shell.folder.parent / "audit").glob("audit-*.jsonl"))


def test_the_list_is_newest_first_and_chosen_by_what_is_given(shell: InsideShell) -> None:
    lines = shell.run("audit", "list", "--organization", "acme", "--limit", "3").stdout.splitlines()
    assert len(lines) == 4
    assert lines[3] == "... and older ones; --limit 3 leaves them out"
    places = [int(line.split("  ")[2].removeprefix("#")) for line in lines[:3]]
    assert places == sorted(places, reverse=True)
    chosen = shell.run("audit", "list", "--action", "migrate", "--flow", "Hours", "--since", "2026-01-01T00:00:00Z")
    assert [line.split("  ")[3:5] for line in chosen.stdout.splitlines()] == [
        ["migrate success", "commonmodule/Hours 2.0"],
        ["migrate success", "commonmodule/Hours 1.0"],
    ]
    assert shell.run("audit", "list", "--actor", "eve").stdout == "no entry\n"
    assert shell.run("audit", "list", "--until", "2020-01-01T00:00:00Z").stdout == "no entry\n"
    assert shell.run("audit", "list", "--since", "yesterday").returncode == 1


def test_the_list_is_a_document_for_programs(shell: InsideShell) -> None:
    found = shell.json("audit", "list", "--limit", "2")
    follows_its_schema(found)
    assert (found["schema"], found["more"], len(found["entries"])) == ("penstock.audit/v1", True, 2)
    assert set(found["entries"][0]) == FIELDS
    assert found["entries"][0]["previous"] == found["entries"][1]["digest"]


def test_json_lines_are_those_of_the_daily_files(shell: InsideShell, tmp_path: Path) -> None:
    exported = shell.run("audit", "export").stdout
    assert exported == daily(shell).read_text(encoding="utf-8")
    file = tmp_path / "export.jsonl"
    assert shell.run("audit", "export", "--output", str(file)).stdout == ""
    assert file.read_text(encoding="utf-8") == exported
    assert shell.run("audit", "export", "--until", "2020-01-01").stdout == ""


def test_a_table_has_all_fields_and_no_formula(shell: InsideShell, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/hostile.db"
    texts = ['=HYPERLINK("http://evil")', "+1", "-1", "@SUM(A1)", 'plain "quoted", text', "\t=1"]
    with Store.open(url, clock=SystemClock()) as store:
        for text in texts:
            store.audit.append(AuditEntry("acme", "publish", "success", "ada", error=text, latency_ms=1.5))
    here = beside(shell, shell.folder, url)
    rows = list(csv.DictReader(io.StringIO(here.run("audit", "export", "--format", "csv").stdout, newline="")))
    assert [row["error"] for row in rows] == [f"'{text}" if text[0] != "p" else text for text in texts]
    assert [(row["position"], row["latency_ms"], row["success"]) for row in rows[:1]] == [("1", "1.5", "true")]
    assert set(COLUMNS) == FIELDS


def test_a_whole_log_is_proven_by_store_files_and_record_commits(shell: InsideShell) -> None:
    done = shell.run("audit", "verify")
    assert done.returncode == 0, done.stdout
    *_, summary, end = done.stdout.splitlines()
    assert end == "0 findings; what was checked is whole"
    count = len(daily(shell).read_text().splitlines())
    assert summary.startswith(f"acme: {count} entries in the store, positions 1 to {count}, {count} lines in files, ")
    assert ", 2 record commits; it ends with " in summary
    assert "not checked" not in done.stdout


def test_a_program_gets_what_was_checked_and_what_is_broken_as_json(shell: InsideShell, tmp_path: Path) -> None:
    count = len(daily(shell).read_text().splitlines())
    found = shell.json("audit", "verify")
    (chain,) = found["chains"]
    assert (found["whole"], found["findings"], found["unchecked"]) == (True, [], [])
    assert (chain["entries"], chain["first"], chain["last"], chain["filed"]) == (count, 1, count, count)
    assert chain["digest"] == json.loads(daily(shell).read_text().splitlines()[-1])["digest"]

    file = tmp_path / daily(shell).name
    file.write_bytes(daily(shell).read_bytes().replace(b'"publish"', b'"publisj"', 1))
    here = beside(shell, shell.folder, f"sqlite:///{tmp_path}/none.db")
    done = here.run("audit", "verify", str(tmp_path), "--format", "json")
    broken = json.loads(done.stdout)
    assert (done.returncode, broken["whole"], broken["chains"][0]["entries"]) == (1, False, None)
    assert any(each["where"].startswith(f"{file}:") for each in broken["findings"])
    assert any("there is no store" in each for each in broken["unchecked"])


def test_it_says_what_it_could_not_check(shell: InsideShell, tmp_path: Path) -> None:
    here = beside(shell, tmp_path, shell.environment["PENSTOCK_STORE"])
    done = here.run("audit", "verify")
    assert done.returncode == 0
    assert "not checked: daily files: no folder is given, and PENSTOCK_AUDIT_DIR is not set" in done.stdout
    assert "not checked: record commits: " in done.stdout
    here.environment["PENSTOCK_STORE"] = f"sqlite:///{tmp_path}/none.db"
    with_files = here.run("audit", "verify", str(daily(shell).parent))
    assert with_files.returncode == 0
    assert "not checked: store: there is no store in " in with_files.stdout
    without = here.run("audit", "verify")
    assert (without.returncode, "there is no store in" in without.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_as_a_process_it_finds_a_byte_and_an_end_that_is_in_a_record_commit(shell: InsideShell, tmp_path: Path) -> None:
    file = tmp_path / daily(shell).name
    file.write_bytes(daily(shell).read_bytes().replace(b'"publish"', b'"publisj"', 1))
    number = next(at for at, line in enumerate(file.read_bytes().splitlines(), 1) if b"publisj" in line)
    done = shell.run_as_process("audit", "verify", str(tmp_path))
    assert done.returncode == 1
    assert f"broken: {file}:{number}, acme, " in done.stdout

    cut_off = tmp_path / "cut-off.db"
    source = sqlite3.connect(shell.environment["PENSTOCK_STORE"].removeprefix("sqlite:///"))
    target = sqlite3.connect(cut_off)
    source.backup(target)
    with target:
        target.execute("DELETE FROM audit WHERE position > 3")
        target.execute("UPDATE audit_heads SET position = 3, digest = (SELECT digest FROM audit WHERE position = 3)")
    source.close()
    target.close()
    here = beside(shell, shell.folder, f"sqlite:///{cut_off}")
    cut = here.run("audit", "verify")
    assert cut.returncode == 1
    tip = shell.git("rev-parse", "penstock/records")[:12]
    assert f"broken: commit {tip}, acme, " in cut.stdout
    assert "the chain was cut off: it ends at position 3, and it was at position " in cut.stdout


def test_a_store_that_did_not_write_the_record_cannot_prove_it(shell: InsideShell, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/laptop.db"
    with Store.open(url, clock=SystemClock()) as store:
        store.audit.append(AuditEntry("acme", "approve", "success", "ada"))
    here = beside(shell, shell.folder, url)
    done = here.run("audit", "verify")
    assert done.returncode == 1
    assert "broken: record, acme: the record was last written by another store (" in done.stdout
    assert "not checked: acme: 2 record commits of another store" in done.stdout


def test_record_commits_tell_the_head_of_the_chain(shell: InsideShell) -> None:
    trailers = shell.git("log", "--format=%(trailers:key=Penstock-Audit,valueonly)", "penstock/records").split("\n")
    lines = map(json.loads, daily(shell).read_text().splitlines())
    digests = {f"{each['position']} {each['digest']}" for each in lines}
    told = [trailer for trailer in trailers if trailer]
    assert len(told) == 2
    assert set(told) <= digests
