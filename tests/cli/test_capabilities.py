"""`penstock validate` refuses what a dialect cannot do, and names the way out, before any organisation is called."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from controller.cli.commands.validate import ValidateFormat, validate
from controller.domain.capabilities import ALTERNATIVES, ARCHITECT, CAPABILITIES, VERSIONED
from controller.domain.platform import Capability
from tests.support.sources import inbound

PINNED = {"type": "inboundcall", "name": "Front", "source": {"version": "1.0"}}
FROM_FILE = {"source": {"file": "flows/front.yaml"}}
STAGES = [{"percentage": 10, "duration": "5m"}, {"percentage": 100, "duration": "0s"}]
ERROR_RATE = {"window": "15m", "minimumSamples": 50, "max": "2%"}


class Ask(NamedTuple):
    """What a manifest asks for, and where the answer points."""

    capability: Capability
    words: str
    place: str
    flow: dict[str, Any] = {}  # noqa: RUF012 - never changed
    organization: dict[str, Any] = {}  # noqa: RUF012 - never changed
    alternative: str | None = None


ASKS = [
    Ask(Capability.PUBLISH_SOURCE, "publishing a flow file", "spec.source.file", flow=FROM_FILE),
    Ask(
        Capability.PERCENTAGE_ROLLOUT,
        "a rollout by percentages",
        "spec.rollout.stages",
        flow={"rollout": {"stages": STAGES}},
    ),
    Ask(
        Capability.LAUNCH,
        "launching the flow",
        "spec.gates[0].execution",
        flow={"type": "workflow", "gates": [{"execution": {}}]},
    ),
    Ask(
        Capability.LAUNCH,
        "launching the flow",
        "spec.gates[0].errorRate.onNoData",
        flow={"type": "workflow", "gates": [{"errorRate": {**ERROR_RATE, "onNoData": "probe"}}]},
        alternative="use onNoData: wait, pass or fail",
    ),
    Ask(Capability.UNPUBLISH, "unpublishing flows", "spec.sync.prune", organization={"sync": {"prune": True}}),
    Ask(
        Capability.DELETE,
        "deleting flows",
        "spec.sync.prune",
        organization={"sync": {"prune": True, "removal": "delete"}},
    ),
    Ask(Capability.UNLOCK, "breaking a lock", "spec.onLocked", organization={"onLocked": "unlock"}),
    Ask(
        Capability.EXECUTION_DATA,
        "execution data",
        "spec.gates[0].errorRate",
        flow={"gates": [{"errorRate": ERROR_RATE}]},
    ),
]
Check = Callable[[str, Ask], tuple[int, dict[str, Any]]]


@pytest.fixture
def check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Check:
    """Write a repository that asks for one thing, and validate it."""

    def ask_for(dialect: str, ask: Ask) -> tuple[int, dict[str, Any]]:
        (tmp_path / "flows").mkdir()
        (tmp_path / "flows" / "front.yaml").write_text(inbound("Front"))
        credentials = {"clientId": {"env": "ACME_ID"}, "clientSecret": {"env": "ACME_SECRET"}}
        base = {"region": "mypurecloud.ie", "api": dialect, "credentials": credentials}
        flow = ask.flow if "source" in ask.flow else {**PINNED, **ask.flow}
        for kind, name, spec in (
            ("Organization", "acme", {**base, **ask.organization}),
            ("Flow", "front", flow),
        ):
            document = {"apiVersion": "penstock/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
            (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(document))
        code = validate(tmp_path, output=ValidateFormat.JSON)
        return code, json.loads(capsys.readouterr().out)

    return ask_for


@pytest.mark.parametrize("ask", ASKS, ids=[ask.place for ask in ASKS])
@pytest.mark.parametrize("dialect", [ARCHITECT, VERSIONED])
def test_what_a_dialect_cannot_do_is_refused_and_what_it_can_do_is_not(check: Check, dialect: str, ask: Ask) -> None:
    code, document = check(dialect, ask)

    if ask.capability in CAPABILITIES[dialect]:
        assert (code, document["mistakes"]) == (0, [])
        return
    assert (code, document["valid"]) == (1, False)
    [mistake] = document["mistakes"]
    assert mistake["code"] == "capability-missing"
    assert mistake["file"] == ("front.yaml" if ask.flow else "acme.yaml")
    assert mistake["line"] > 1
    assert mistake["message"].startswith(f"{ask.place} asks for {ask.words}, which ")
    assert (
        mistake["message"].endswith(f"api: {dialect} cannot do") or f"(api: {dialect}) cannot do" in mistake["message"]
    )
    assert mistake["hint"] == (ask.alternative or ALTERNATIVES[ask.capability])


@pytest.mark.parametrize("dialect", [ARCHITECT, VERSIONED])
def test_both_dialects_lack_something_that_is_asked_for_here(dialect: str) -> None:
    assert {ask.capability for ask in ASKS} - CAPABILITIES[dialect]


def test_everything_that_a_manifest_can_ask_for_has_an_alternative() -> None:
    lacking = {ask.capability for ask in ASKS if any(ask.capability not in can for can in CAPABILITIES.values())}
    assert lacking <= ALTERNATIVES.keys()
