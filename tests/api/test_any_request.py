"""Requests that schemathesis makes up from the description: no answer breaks it, and none is a fault of the server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import ignored_auth

from controller.domain.clock import SystemClock
from controller.service.api.paths import PREFIX
from controller.store.store import Store
from tests.support.api import ServedApi, fill, in_memory, serving
from tests.support.examples import NIGHTLY
from tests.support.stores import prepare

THOROUGH = settings.get_current_profile_name() == NIGHTLY
MADE_UP = 20 if THOROUGH else 5
"""Requests for each operation, besides those at the limits of each parameter."""
SCHEMA = schemathesis.openapi.from_dict(in_memory().openapi()).exclude(path="/events")
# The limits of all parameters take 900 requests, and most of the processor time: 17 s of 24 s.
SCHEMA.config.phases.coverage.enabled = THOROUGH


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedApi]:
    folder, clock = tmp_path_factory.mktemp("api"), SystemClock()
    prepare(folder / "api.db")
    with Store.open(f"sqlite:///{folder / 'api.db'}", clock=clock) as store:
        fill(store, clock)
        yield ServedApi(folder, store, clock)


@pytest.fixture(scope="module")
def url(served: ServedApi) -> Iterator[str]:
    with serving(served) as url:
        yield f"{url}{PREFIX}"


@SCHEMA.parametrize()
@settings(
    max_examples=MADE_UP,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    deadline=None,
    database=None,
)
def test_no_request_breaks_the_description(case: Case, url: str, served: ServedApi) -> None:
    # After ten wrong tokens the service looks at none for a while; test_roles.py asks every operation without one.
    case.call_and_validate(base_url=url, headers=served.headers("olga"), excluded_checks=[ignored_auth])
