"""docs/reference/json.md lists exactly the fields that the documents have: each is compared with a real document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema
import pytest
from prometheus_client import CollectorRegistry

from controller.cli.commands.schema import DOCUMENTS, document_class
from controller.domain.documents import schema_of
from controller.domain.status import Health, SyncStatus
from controller.genesys.latency import RouteLatency
from controller.service.board import Board, BoardEntry
from controller.service.http import create_app
from tests.support.clock import SteppedClock
from tests.support.inside import InsideShell
from tests.support.shell import simulator_process
from tests.support.sources import module

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "json.md").read_text(encoding="utf-8")
Fields = dict[str, object]


def section(schema: str, part: str | None = None) -> str:
    """The text below a schema's heading, up to its first part, or of one of its parts."""
    whole = PAGE.split(f"## {schema}\n")[1].split("\n## ")[0]
    return whole.split("\n### ")[0] if part is None else whole.split(f"### {part}\n")[1].split("\n### ")[0]


def listed(schema: str, part: str | None = None) -> set[str]:
    """The names in the first column of the table."""
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", section(schema, part), re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


def inline(schema: str, field: str, part: str | None = None) -> set[str]:
    """The names in the braces that describe the entries of a field."""
    found = re.search(rf"^\| `{field}` \|.*?`\{{(.*?)\}}`", section(schema, part), re.MULTILINE)
    assert found is not None, field
    return set(re.findall(r'"(\w+)"', found[1]))


PARTS = {
    "plan/v1": {
        "An organisation": "OrganizationPlanDocument",
        "A change": "ChangeDocument",
        "Drift": "DriftDocument",
        "Under way": "UnderWayDocument",
    },
    "validate/v1": {"A mistake": "MistakeDocument"},
    "apply/v1": {"A delivery": "DeliveryDocument", "A step": "StepDocument"},
    "status/v1": {
        "An organisation's status": "OrganizationStatusDocument",
        "A flow's status": "FlowStatus",
    },
    "preflight/v1": {"An organisation's preflight": "OrganizationPreflightDocument"},
    "service-status/v1": {"An organisation in the service": "ServedOrganizationDocument"},
    "diff/v1": {"A compared flow": "FlowDiffDocument", "A difference": "DifferenceDocument"},
    "import/v1": {"An imported flow": "ImportedFlowDocument"},
}
"""Which class of a document each table below its first one is about."""


def types_of_table(schema: str, part: str | None) -> dict[str, str]:
    """The type of each field, as the table has it."""
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([^|]+) \|", section(schema, part), re.MULTILINE)
    words = {name: kind.strip() for names, kind in rows for name in re.findall(r"`(\w+)`", names)}
    return {
        name: re.sub(r"^list of .*", "list", kind.replace("true or false", "boolean")) for name, kind in words.items()
    }


def types_of_schema(schema: Fields, part: str | None) -> dict[str, str]:
    """The type of each field, as the JSON Schema has it."""
    definitions: dict[str, Fields] = schema.get("$defs", {})  # type: ignore[assignment]
    properties: dict[str, Fields] = (definitions[part] if part else schema)["properties"]  # type: ignore[assignment]

    def word(each: Fields) -> str:
        if "$ref" in each:
            return word(definitions[str(each["$ref"]).rpartition("/")[2]])
        if "anyOf" in each:
            return " or ".join(word(choice) for choice in each["anyOf"])  # type: ignore[attr-defined]
        return {"integer": "number", "array": "list"}.get(str(each["type"]), str(each["type"]))

    return {name: word(each) for name, each in properties.items()}


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_the_tables_are_those_of_the_schema(name: str) -> None:
    schema = schema_of(document_class(name))
    for part, definition in {None: None, **PARTS.get(name, {})}.items():
        assert types_of_table(f"penstock.{name}", part) == types_of_schema(schema, definition), part


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Fields]]:
    """Documents of every command, from a repository whose flow was delivered, approved, rolled back and broken."""
    with simulator_process() as url:
        shell = InsideShell(tmp_path_factory.mktemp("json"), url)
        found = {"plan": shell.json("plan"), "applied": shell.json("apply")}
        shell.flow("front", module("Nobody calls me"))
        shell.flow("hours", module("Hours", says="Other"))
        shell.commit()
        shell.run("apply", "--force")
        httpx.post(f"{url}/_simulator/flows", json={"text": module("By hand"), "by": "Ada"})
        hours = next(
            flow["id"] for flow in httpx.get(f"{url}/_simulator/flows").json()["flows"] if flow["name"] == "Hours"
        )
        body = {"by": "Ada", "text": module("Hours", says="Past git")}
        httpx.post(f"{url}/_simulator/flows/{hours}/publish", json=body)
        found["drifted"] = shell.json("plan", "--all")
        found["status"] = shell.json("status")
        found["preflight"] = shell.json("preflight")
        found["recording"] = shell.json("trace", "settings", "--flow", "front")
        found["approval"] = shell.json("approve", "sha256:" + "0" * 64)
        found["import"] = shell.json("import", "--dry-run")
        found["rollback"] = shell.json("rollback", "hours", "--to", "1.0")
        found["blocked"] = shell.json("apply")
        shell.flow("quiet", module("Quiet"), gates=[{"errorRate": {"window": "1s", "minimumSamples": 9, "max": "1%"}}])
        shell.commit()
        found["paused"] = shell.json("apply")
        found["promotion"] = shell.json("accept", "quiet")
        found["validate"] = shell.json("validate")
        (shell.folder / "hours.yaml").write_text("apiVersion: penstock/v1\nkind: Flwo\n")
        found["mistakes"] = shell.json("validate")
        found["error"] = shell.json("plan")
        del shell.environment["ACME_SECRET"]
        shell.git("checkout", "--quiet", "hours.yaml")
        found["unknown"] = shell.json("status")
        yield found


def first(document: Fields, *path: str) -> Fields:
    """The first entry of a list in a list in a document."""
    for name in path:
        (document, *_rest) = document[name]  # type: ignore[misc, assignment]
    return document


def test_every_document_names_a_schema_of_the_page(documents: dict[str, Fields]) -> None:
    headings = set(re.findall(r"^## (penstock\.\S+)$", PAGE, re.MULTILINE))

    assert {document["schema"] for document in documents.values()} <= headings


def test_every_document_follows_its_schema(documents: dict[str, Fields]) -> None:
    for name, document in documents.items():
        schema = schema_of(document_class(str(document["schema"])))
        jsonschema.validate(document, schema, jsonschema.Draft202012Validator)
        assert document.keys() <= schema["properties"].keys(), name


def test_plans(documents: dict[str, Fields]) -> None:
    schema = "penstock.plan/v1"
    assert documents["plan"].keys() == listed(schema)
    assert first(documents["plan"], "organizations").keys() == listed(schema, "An organisation")
    assert first(documents["plan"], "organizations", "changes").keys() == listed(schema, "A change")
    assert first(documents["drifted"], "organizations", "drift").keys() == listed(schema, "Drift")


def test_validations(documents: dict[str, Fields]) -> None:
    schema = "penstock.validate/v1"
    assert documents["validate"].keys() == documents["mistakes"].keys() == listed(schema)
    assert first(documents["validate"], "organizations").keys() == inline(schema, "organizations")
    assert first(documents["mistakes"], "mistakes").keys() == listed(schema, "A mistake")


def test_deliveries_and_rollbacks(documents: dict[str, Fields]) -> None:
    schema = "penstock.apply/v1"
    for name in ("applied", "rollback", "blocked"):
        assert documents[name].keys() == listed(schema)
        assert first(documents[name], "organizations").keys() == listed(schema, "A delivery")
    for name in ("applied", "rollback"):
        assert first(documents[name], "organizations", "steps").keys() == listed(schema, "A step")
    applied, blocked = (first(documents[name], "organizations") for name in ("applied", "blocked"))
    assert applied["commit"].keys() == inline(schema, "commit", "A delivery")  # type: ignore[attr-defined]
    assert blocked["outcome"] == "blocked"
    assert first(blocked, "blocked").keys() == inline(schema, "blocked", "A delivery")


def test_statuses(documents: dict[str, Fields]) -> None:
    schema = "penstock.status/v1"
    for name in ("status", "unknown"):
        assert documents[name].keys() == listed(schema)
        assert first(documents[name], "organizations").keys() == listed(schema, "An organisation's status")
    organization = first(documents["status"], "organizations")
    assert first(organization, "flows").keys() == listed(schema, "A flow's status")
    assert organization["last_sync"].keys() == inline(schema, "last_sync", "An organisation's status")  # type: ignore[attr-defined]
    assert first(documents["unknown"], "organizations")["sync"] == "Unknown"


def test_preflights(documents: dict[str, Fields]) -> None:
    schema, part = "penstock.preflight/v1", "An organisation's preflight"
    assert documents["preflight"].keys() == listed(schema)
    assert first(documents["preflight"], "organizations").keys() == listed(schema, part)
    assert first(documents["preflight"], "organizations", "checks").keys() == inline(schema, "checks", part)


def test_recording(documents: dict[str, Fields]) -> None:
    schema = "penstock.recording/v1"
    assert documents["recording"].keys() == listed(schema)
    assert first(documents["recording"], "flows").keys() == inline(schema, "flows")


def test_imports(documents: dict[str, Fields]) -> None:
    found = documents["import"]
    assert found.keys() == listed("penstock.import/v1")
    assert first(found, "flows").keys() == listed("penstock.import/v1", "An imported flow")


def test_approvals(documents: dict[str, Fields]) -> None:
    assert documents["approval"].keys() == listed("penstock.approval/v1")


def test_promotions(documents: dict[str, Fields]) -> None:
    assert first(documents["paused"], "organizations")["outcome"] == "paused"
    assert documents["promotion"].keys() == listed("penstock.promotion/v1")


def test_errors(documents: dict[str, Fields]) -> None:
    assert documents["error"].keys() == listed("penstock.error/v1")


async def test_the_services_status() -> None:
    clock = SteppedClock()
    board = Board(clock)
    board.expect(["acme"])
    board._entries["acme"] = BoardEntry("acme", SyncStatus.SYNCED, Health.HEALTHY, "abc", "in sync", clock.now())
    calls = {"acme": (RouteLatency("GET", "/api/v2/flows", 1, 1.0, 1.0, 1.0),)}
    transport = httpx.ASGITransport(app=create_app(board, CollectorRegistry(), lambda: calls))
    async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as client:
        document = (await client.get("/status")).json()

    schema, part = "penstock.service-status/v1", "An organisation in the service"
    assert document.keys() == listed(schema)
    assert first(document, "organizations").keys() == listed(schema, part)
    assert first(document, "organizations", "calls").keys() == inline(schema, "calls", part)
