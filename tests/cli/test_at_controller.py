"""Commands with `--server` and a whole controller: what they show is what a command on its host shows."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.at_controller import Site, site_of
from tests.support.service import eventually
from tests.support.world import SECRET, World


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One for all: each test may leave another version of Front, which is delivered."""
    folder = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ACME_ID", "penstock")
        environment.setenv("ACME_SECRET", SECRET)
        world = World(folder)
        with site_of(world, folder) as made:
            yield made
        world.services.store.close()


def test_what_it_shows_is_what_the_controllers_host_shows(site: Site) -> None:
    code, out, _ = site.ask("status", "--format", "json")
    assert code == 0
    (asked,), (own,) = (json.loads(text)["organizations"] for text in (out, site.on_the_host("status", "-f", "json")))
    same = ("name", "sync", "health", "flows", "drift", "warnings", "unmanaged", "last_sync", "error")
    assert {name: asked[name] for name in same} == {name: own[name] for name in same}

    code, out, _ = site.ask("history", "--format", "json")
    assert code == 0
    (asked,), (own,) = (
        json.loads(text)["organizations"] for text in (out, site.on_the_host("history", "--offline", "-f", "json"))
    )
    assert asked["flows"] == own["flows"]

    for words in (("export",), ("export", "--format", "csv"), ("list", "--action", "record", "--limit", "1")):
        code, out, _ = site.ask("audit", *words)
        assert (code, out) == (0, site.on_the_host("audit", *words))
    assert out.splitlines()[-1] == "... and older ones; --limit 1 leaves them out"


def test_a_person_steers_the_controller_from_a_laptop(site: Site) -> None:
    code, out, err = site.ask("rollback", "front", "--reason", "callers hear silence", "--wait")
    assert (code, site.front()) == (0, "1.0"), err
    assert out.startswith("acme: rollback of front is done")

    code, out, err = site.ask("retry", "front", "--reason", "the carrier is back", "--wait")
    assert (code, out.startswith("acme: retry of front is done")) == (0, True), err
    site.until_delivered(site.front())
    assert site.front() != "1.0"

    assert site.ask("suspend", "--reason", "an outage")[0] == 0
    digest = site.plan_digest()
    site.change("Third")
    eventually(lambda: site.plan_digest() not in (digest, None), "the plan of the change")
    code, out, _ = site.ask("sync", "--reason", "try it", "--wait")
    assert (code, "refused" in out) == (3, True), out
    _, out, _ = site.ask("status")
    assert "olga suspended it at" in out
    assert "an outage" in out
    before = site.front()
    assert site.ask("resume", "--reason", "it is over")[0] == 0
    eventually(lambda: site.front() != before, "the third version is delivered")
    site.until_delivered(site.front())

    _, out, _ = site.ask("audit", "export")
    asked = [json.loads(line)["details"] for line in out.splitlines() if json.loads(line)["action"] == "request"]
    assert [(each["verb"], each["reason"]) for each in asked] == [
        ("rollback", "callers hear silence"),
        ("retry", "the carrier is back"),
        ("suspend", "an outage"),
        ("sync", "try it"),
        ("resume", "it is over"),
    ]


def test_an_approval_is_for_the_plan_that_the_controller_has_now(site: Site) -> None:
    before, live = site.plan_digest(), site.front()
    site.describe(sync={"mode": "manual"})
    site.change("Approved")
    eventually(lambda: site.plan_digest() not in (before, None), "the plan of the change")

    code, out, err = site.ask("approve", before, "--reason", "checked")
    assert (code, out) == (3, "")
    assert "plan-stale" in err

    code, out, _ = site.ask("approve", site.plan_digest(), "--reason", "checked", "--format", "json")
    assert (code, json.loads(out)["by"]) == (0, "olga")
    eventually(lambda: site.front() != live, "the approved plan is delivered")
    site.describe()
    site.service.world.commit()
    site.until_delivered(site.front())


def test_a_paused_version_stays_once_a_person_accepts_it(site: Site) -> None:
    site.change("Gated", gates=[{"errorRate": {"window": "1s", "minimumSamples": 9, "max": "1%"}}])
    eventually(lambda: site.flows()["front"]["health"] == "Suspended", "the gate cannot decide")

    code, out, err = site.ask("accept", "front", "--reason", "few people call at night")

    told = f"acme: front (inboundcall/Front) {site.front()} is accepted; the next pass continues with it\n"
    assert (code, out) == (0, told), err
    site.until_delivered(site.front())


@pytest.mark.parametrize(("person", "error"), [("rita", "forbidden"), (None, "unauthenticated")])
def test_who_may_not_is_refused_with_the_reason_as_json(site: Site, person: str | None, error: str) -> None:
    code, out, _ = site.ask("suspend", "--reason", "mine", "--organization", "acme", "--format", "json", person=person)

    found = json.loads(out)
    assert (code, found["schema"], found["code"]) == (3, "penstock.error/v1", error)
