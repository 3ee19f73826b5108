"""`penstock history` as a person and a program use it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from controller.simulator.control import EDITS, UserEdit
from controller.simulator.control import person as person_of
from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.support.documents import follows_its_schema
from tests.support.inside import InsideShell
from tests.support.sources import module

QUICK = SimulatorSettings(publish_s=0.1, upload_s=0.1, queue_s=0.05, export_s=0.1, validate_s=0.1)


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InsideShell]:
    """Front and Hours are delivered; then a person publishes Hours."""
    simulator = Simulator(settings=QUICK)
    with running(simulator) as url:
        made = InsideShell(tmp_path_factory.mktemp("history"), url)
        assert made.run("apply").returncode == 0
        flow = simulator.flow("commonmodule", "Hours")
        who = person_of(simulator.organization, "Grace\x1b[31m Hopper")
        EDITS["publish"](
            simulator.organization, UserEdit(flow, who, module("Hours", says="By hand")), simulator.clock.now()
        )
        yield made


def test_a_line_tells_of_each_version_newest_first(shell: InsideShell) -> None:
    done = shell.run_as_process("history", "hours")

    assert (done.returncode, done.stderr) == (0, "")
    organization, flow, headings, newest, older, *_ = done.stdout.splitlines()
    assert (organization, flow) == ("acme", "  commonmodule/Hours as hours")
    assert headings.split() == ["VERSION", "FROM", "UNTIL", "RESULT", "BY", "COMMIT", "WHY"]
    assert newest.split()[0] == "2.0"
    assert " now " in newest
    assert "hand-made" in newest
    assert "\x1b" not in done.stdout
    assert older.split()[0] == "1.0"
    assert "delivered" in older
    assert shell.git("rev-parse", "HEAD")[:12] in older
    assert headings.index("RESULT") == newest.index("hand-made") == older.index("delivered")


def test_the_document_follows_its_schema_and_asks_for_all_flows(shell: InsideShell) -> None:
    document = shell.json("history", "--at", "1s")

    follows_its_schema(document)
    (organization,) = document["organizations"]
    assert [(each["flow"], each["former_names"]) for each in organization["flows"]] == [("hours", []), ("front", [])]
    assert [each["version"] for each in organization["flows"][0]["periods"]] == ["2.0", "1.0", None]


def test_a_moment_is_iso_8601_or_a_span_ago(shell: InsideShell) -> None:
    hours = shell.json("history", "hours")["organizations"][0]["flows"][0]
    first = datetime.fromisoformat(hours["periods"][1]["seen_from"])
    moment = first + (datetime.fromisoformat(hours["periods"][0]["seen_from"]) - first) / 2

    utc = shell.run("history", "hours", "--at", f"{moment:%Y-%m-%d %H:%M:%S.%f}")
    other = shell.run("history", "hours", "--at", moment.astimezone().isoformat())
    early = shell.run("history", "hours", "--at", "2h")

    assert "has no offset and counts as UTC" in utc.stderr
    assert other.stderr == ""
    assert utc.stdout == other.stdout
    assert utc.stdout.splitlines()[2].split() == ["hours", "1.0"]
    assert "not known before" in early.stdout


def test_since_leaves_out_what_ended_before(shell: InsideShell) -> None:
    hours = shell.json("history", "hours")["organizations"][0]["flows"][0]
    newest = hours["periods"][0]["seen_from"]

    shown = shell.json("history", "hours", "--since", newest)["organizations"][0]["flows"][0]["periods"]

    assert [each["version"] for each in shown] == ["2.0"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("hours", "--at", "yesterday"), "--at: 'yesterday' is no moment"),
        (("hours", "--at", "9999-01-01"), "--at: '9999-01-01' is in the future"),
        (("hours", "--since", "0h"), "--since: '0h' is no span of time"),
        (("hors",), "there is no flow 'hors'"),
        (("hors", "--offline"), "neither records nor the store know a flow 'hors'"),
    ],
)
def test_what_cannot_be_answered_is_refused(shell: InsideShell, options: tuple[str, ...], told: str) -> None:
    done = shell.run("history", *options)

    assert done.returncode == 1
    assert told in done.stderr


def test_offline_asks_no_organisation_and_says_what_is_missing(shell: InsideShell) -> None:
    url = shell.url
    manifest = shell.folder / "organization.yaml"
    before = manifest.read_text()
    manifest.write_text(before.replace(url, "http://127.0.0.1:9"))
    try:
        refused = shell.json("history", "hours")["organizations"][0]
        text = shell.run("history", "hours", "--offline").stdout
        answered = shell.json("history", "hours", "--offline")
    finally:
        manifest.write_text(before)

    assert refused["error"]["code"] == "unreachable"
    assert "note: the organisation was not asked" in text
    (organization,) = answered["organizations"]
    assert organization["observed_at"] is None
    assert [each["version"] for each in organization["flows"][0]["periods"]] == ["1.0", None]
    assert "last seen" in text


def test_nothing_is_written(shell: InsideShell) -> None:
    refs, branch = shell.git("for-each-ref"), shell.git("status", "--porcelain")

    shell.run("history")

    assert (shell.git("for-each-ref"), shell.git("status", "--porcelain")) == (refs, branch)
    assert json.loads(shell.run("status", "--format", "json").stdout)["organizations"][0]["last_sync"]["id"] == 1


def test_the_hour_is_that_of_utc(shell: InsideShell) -> None:
    now = datetime.now(UTC)

    text = shell.run("history", "hours", "--at", "1s").stdout

    assert any(f"{now - timedelta(minutes=each):%Y-%m-%d %H:}" in text for each in (0, 1))
