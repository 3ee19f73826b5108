"""`penstock trace settings`: what an organisation records of executions, and changing it by a person's word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from controller.domain.clock import SystemClock
from controller.simulator.execution import SimulatedLogLevel
from controller.simulator.serve import running
from controller.simulator.settings import SimulatedClient
from controller.simulator.simulator import Simulator
from controller.store.audit import AuditEntry
from controller.store.store import Store
from tests.support.audit import audit_entries
from tests.support.inside import InsideShell
from tests.support.sources import inbound, module
from tests.support.versioned import pin_to_the_versioned_dialect

ASK = ("trace", "settings")


@pytest.fixture
def simulator() -> Simulator:
    return Simulator()


@pytest.fixture
def shell(simulator: Simulator, tmp_path: Path) -> Iterator[InsideShell]:
    with running(simulator) as url:
        for text in (module("Hours"), inbound("Front", calls=["Hours"])):
            httpx.post(f"{url}/_simulator/flows", json={"text": text, "by": "Ada"}).raise_for_status()
        yield InsideShell(tmp_path, url)


def audited(shell: InsideShell) -> list[AuditEntry]:
    """Oldest first."""
    store = Store.open(shell.environment["PENSTOCK_STORE"], clock=SystemClock())
    with closing(store):
        return list(audit_entries(store, "acme"))[::-1]


def writes(simulator: Simulator) -> int:
    made = simulator.calls.report()["calls"]
    return sum(each["count"] for each in made if each["method"] != "GET" and "/settings/" in each["route"])


def test_settings_are_shown_and_nothing_is_changed(shell: InsideShell, simulator: Simulator) -> None:
    told = shell.run_as_process(*ASK)
    document = shell.json(*ASK)

    assert told.returncode == 0, told.stderr
    assert told.stdout.splitlines()[0] == "acme: execution data is on"
    assert " ".join(told.stdout.splitlines()[1].split()) == "log level by default All"
    assert document == {
        "schema": "penstock.recording/v1",
        "organization": "acme",
        "execution_data": True,
        "default": {"level": "All", "left_out": []},
        "flows": [],
        "changed": [],
    }
    assert writes(simulator) == 0
    assert audited(shell) == []


def test_recording_is_turned_on_and_people_are_told_what_follows(shell: InsideShell, simulator: Simulator) -> None:
    off = shell.run(*ASK, "--execution-data", "off")
    assert simulator.organization.state.execution_data.enabled is False
    on = shell.run(*ASK, "--execution-data", "on")

    assert simulator.organization.state.execution_data.enabled is True
    assert (off.returncode, on.returncode) == (0, 0)
    assert "changed: execution data is off" in off.stdout
    assert "publish the flows again" not in off.stdout
    assert "changed: execution data is on" in on.stdout
    assert "publish the flows again" in on.stdout
    assert [(each.action, each.status, each.details) for each in audited(shell)] == [
        ("execution-data", "success", {"to": "off"}),
        ("execution-data", "success", {"to": "on"}),
    ]


def test_a_flow_is_given_a_level_and_gives_it_up_again(shell: InsideShell, simulator: Simulator) -> None:
    flow = next(flow for flow in simulator.organization.flows() if flow.name == "Front")

    given = shell.json(*ASK, "--flow", "front", "--level", "verbosenotes")
    own = simulator.organization.state.execution_data.flows[flow.id].level
    listed = shell.json(*ASK)
    dropped = shell.json(*ASK, "--flow", flow.id, "--level", "default")

    assert own is SimulatedLogLevel.VERBOSE_NOTES
    assert given["changed"] == ["the log level of inboundcall/Front is VerboseNotes"]
    assert [(each["type"], each["name"], each["level"]) for each in listed["flows"]] == [
        ("inboundcall", "Front", "VerboseNotes")
    ]
    assert [each["level"] for each in dropped["flows"]] == ["All"]
    assert flow.id not in simulator.organization.state.execution_data.flows
    assert [(each.action, each.flow, each.details["to"]) for each in audited(shell)] == [
        ("log-level", "inboundcall/Front", "VerboseNotes"),
        ("log-level", "inboundcall/Front", "default"),
    ]


def test_the_level_by_default_is_changed_where_no_flow_is_named(shell: InsideShell, simulator: Simulator) -> None:
    document = shell.json(*ASK, "--level", "Notes")

    assert simulator.organization.state.execution_data.default.level is SimulatedLogLevel.NOTES
    assert document["default"]["level"] == "Notes"
    assert "communications" in document["default"]["left_out"]
    assert "Notes, without communications" in shell.run(*ASK).stdout


def test_a_missing_permission_is_named_and_what_did_not_happen_is_audited(
    shell: InsideShell, simulator: Simulator
) -> None:
    reads = {"architect:flow:view", "architect:flowinstanceexecutiondata:view", "architect:flowLogLevelDefault:view"}
    client = SimulatedClient(
        "penstock", "penstock-secret", permissions=frozenset({*reads, "architect:flowLogLevel:view"})
    )
    simulator.clients["penstock"] = client

    done = shell.run(*ASK, "--execution-data", "off")

    assert done.returncode == 1
    assert "architect:flowinstanceexecutiondata:edit" in done.stderr
    assert simulator.organization.state.execution_data.enabled is True
    [entry] = audited(shell)
    assert (entry.status, entry.details) == ("failure", {"to": "off", "code": "permission-missing"})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--level", "Noets"), "Notes"),
        (("--level", "default"), "choose one of Disabled"),
        (("--flow", "frnt", "--level", "All"), "did you mean 'Front'"),
        (("--flow", "frnt", "--execution-data", "off"), "did you mean 'Front'"),
    ],
)
def test_what_is_no_level_or_no_flow_changes_nothing(
    shell: InsideShell, simulator: Simulator, arguments: tuple[str, ...], words: str
) -> None:
    done = shell.run(*ASK, *arguments)

    assert done.returncode == 1
    assert words in done.stderr
    assert writes(simulator) == 0


def test_a_level_that_records_nothing_is_shown_without_what_it_leaves_out(shell: InsideShell) -> None:
    shown = shell.run(*ASK, "--flow", "Front", "--level", "disabled").stdout.splitlines()

    assert shown[-1].split() == ["inboundcall/Front", "Disabled"]


def test_the_versioned_dialect_has_no_such_settings(shell: InsideShell, simulator: Simulator) -> None:
    pin_to_the_versioned_dialect(shell)

    done = shell.run(*ASK)

    assert done.returncode != 0
    assert "[capability-missing]" in done.stderr
    assert simulator.calls.count("GET") == 0
