"""Genesys' own Python SDK calls every method that the simulator answers, and finds what its models declare."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from docs.methods_page import PAGE, page
from docs.sdk_methods import methods
from tests.peers.organization import Served, served
from tests.peers.sdk_calls import SdkCall, calls, resolved
from tests.simulator.test_official_sdk import OTHER_DIALECT
from tests.support import genesys_sdk

sdk = genesys_sdk.imported()
CALLS = calls()


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    body: Any
    failure: str
    """Why there is no answer; empty where there is one."""


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Answered]]:
    """What each call was answered, by API and method."""
    folder = tmp_path_factory.mktemp("flows")
    with pytest.MonkeyPatch.context() as patch, served(folder) as organization:
        patch.setenv("HOME", str(folder))
        sdk.configuration.live_reload_config = False
        sdk.configuration.host = organization.url
        client = sdk.api_client.ApiClient(host=organization.url)
        client.get_client_credentials_token("penstock", "penstock-secret")
        yield _all_called(client, organization)
        client.get_http_client().rest_client.pool_manager.clear()


def _all_called(client: Any, organization: Served) -> dict[str, Answered]:
    seen: dict[str, Any] = dict(organization.known)
    found = {}
    for call in CALLS:
        answered = _called(client, call, seen)
        seen.setdefault(call.method.name, answered.body)
        found[_id(call)] = answered
    return found


def _called(client: Any, call: SdkCall, seen: dict[str, Any]) -> Answered:
    try:
        arguments = resolved(call.arguments, seen)
        with warnings.catch_warnings(record=True):  # deprecated methods are called, too
            getattr(getattr(sdk, call.method.api)(client), call.method.name)(*arguments, **call.options)
    except (LookupError, TypeError, ValueError, sdk.rest.ApiException) as error:
        return Answered(0, None, f"{type(error).__name__}: {error}")
    text = client.last_response.data
    return Answered(client.last_response.status, json.loads(text) if text else None, "")


def _id(call: SdkCall) -> str:
    return f"{call.method.api}.{call.method.name}"


@pytest.mark.proof
def test_each_answered_method_gets_what_its_model_declares(answers: dict[str, Answered]) -> None:
    """All in one test: the calls build on each other."""
    from tests.simulator.sdk_models import mistakes

    wrong = {name: each.failure for name, each in answers.items() if each.failure or not 200 <= each.status < 300}
    assert wrong == {}
    for call in CALLS:
        answered = answers[_id(call)].body
        if call.method.answer and answered is not None:
            found = mistakes(answered, call.method.answer)
            wrong[_id(call)] = "\n".join(each for each in found if each.partition(":")[0] not in OTHER_DIALECT)
    assert {name: each for name, each in wrong.items() if each} == {}


@pytest.mark.proof
def test_every_method_that_has_a_route_is_called(answers: dict[str, Answered]) -> None:
    assert set(answers) == {
        f"{api}.{method.name}" for api, listed in methods().items() for method in listed if method.answered
    }


def test_the_list_of_methods_is_the_one_that_the_code_describes() -> None:
    assert Path(PAGE).read_text(encoding="utf-8") == page(), "run make docs"
