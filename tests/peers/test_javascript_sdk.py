"""Genesys' own JavaScript SDK calls every method that the simulator answers, and finds what it declares."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.peers.organization import served
from tests.peers.sdk_calls import calls
from tests.simulator import javascript_sdk
from tests.simulator.test_official_sdk import OTHER_DIALECT
from tests.simulator.typescript_models import Declarations

pytestmark = pytest.mark.proof

CALLS = calls()
_DECLARED_WRONG = re.compile(r"(schema\.additionalProperties: False|\.(key|AgentsIdle|Open): \S+) is no object$")
"""The API wants `false` there, and Genesys' provider for Terraform writes and reads it past its SDK's model; the values
of a data table's row are texts, numbers and flags."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What each call was answered, by API and method, from one process of Node."""
    javascript_sdk.installed()
    folder = tmp_path_factory.mktemp("flows")
    with served(folder) as organization:
        listed = folder / "calls.json"
        document = {"calls": [call.document() for call in CALLS], "known": organization.known}
        listed.write_text(json.dumps(document), encoding="utf-8")
        return javascript_sdk.run("every.cjs", organization.url, str(listed), home=folder)


@pytest.fixture(scope="module")
def declared() -> Declarations:
    return javascript_sdk.declarations()


def test_each_answered_method_gets_what_the_sdk_declares(
    answers: dict[str, dict[str, Any]], declared: Declarations
) -> None:
    wrong = {name: each["failure"] for name, each in answers.items() if each.get("failure")}
    assert wrong == {}
    for call in CALLS:
        name = f"{call.method.api}.{call.method.name}"
        kind, body = declared.answer(call.method.api, call.method.javascript), answers[name]["body"]
        if body not in (None, ""):
            found = [each for each in declared.mistakes(body, kind) if not _DECLARED_WRONG.search(each)]
            wrong[name] = "\n".join(each for each in found if each.partition(":")[0] not in OTHER_DIALECT)
    assert {name: each for name, each in wrong.items() if each} == {}
