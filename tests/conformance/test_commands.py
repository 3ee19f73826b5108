"""Rows P and S at the command line: calls in their order and with their bodies, what is live, the audit, and git."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.deployment_servers import LITERAL, SHORT, DeploymentServer, literal, ours
from tests.conformance.desk import NAME, Desk
from tests.conformance.flows import FINDER, IVR
from tests.conformance.recorded import exported_in

_LITERAL = (pytest.mark.nightly, pytest.mark.skipif(not LITERAL.exists(), reason="the other server is absent"))
STAGES = {"stages": [{"percentage": 10, "duration": "1m"}, {"percentage": 100, "duration": "0s"}]}


@pytest.fixture(params=[ours, pytest.param(literal, marks=_LITERAL)], ids=["ours", "literal"])
def server(request: pytest.FixtureRequest) -> Iterator[DeploymentServer]:
    with request.param() as made:
        made.set(**SHORT)
        yield made


@pytest.fixture
def desk(server: DeploymentServer, tmp_path: Path) -> Desk:
    """Everything that is live is pinned, recorded, and committed."""
    made = desk_of(server, tmp_path)
    code, told = made.apply()
    assert code == 0, told
    assert writes(server) == []
    return made


def desk_of(server: DeploymentServer, folder: Path) -> Desk:
    """Everything that is live is pinned and committed."""
    made = Desk(folder, server.url, server.client)
    made.pin(IVR, "12.0")
    made.pin(FINDER, "3.0")
    made.commit()
    return made


def writes(server: DeploymentServer) -> list[tuple[str, str]]:
    """Method and last words of the calls that change something; checks that were asked for are among them."""
    return [
        (method, "routing" if method == "PUT" else path.rpartition("/")[2])
        for method, path, _ in server.calls()
        if method != "GET"
    ]


def blocked_in(desk: Desk) -> dict[str, str]:
    """Why the only change of the plan is blocked."""
    planned = desk.run("plan", "--format", "json")
    assert planned.returncode == 3, planned.stdout
    (change,) = json.loads(planned.stdout)["organizations"][0]["changes"]
    blocked: dict[str, str] = change["blocked"]
    return blocked


def body_of(server: DeploymentServer, method: str, ending: str) -> dict[str, object]:
    """The body of the last call of this kind."""
    found = [body for how, path, body in server.calls() if how == method and re.search(ending, path)]
    assert isinstance(found[-1], dict)
    return found[-1]


def test_a_draft_is_validated_published_and_recorded(server: DeploymentServer, desk: Desk) -> None:
    """P1, P2, P5, P9, P10: one validation, one publish, in this order, with all that the row names."""
    desk.pin(IVR, "13.0")
    desk.commit()
    code, told = desk.apply()
    assert code == 0, told
    assert writes(server) == [("POST", "validate"), ("POST", "publish")]
    sent = body_of(server, "POST", "/publish$")
    assert sent["publishType"] == "standard"
    assert set(sent["metadata"]) >= {"releaseVersion", "deployedBy", "environment", "timestamp"}  # type: ignore[call-overload]
    assert re.fullmatch("sha256:[0-9a-f]{64}", str(sent["dependencyValidationHash"]))
    assert sent["rolloutConfig"]["staged"] is False  # type: ignore[index]
    published = f"/versions/{server.identifier(IVR, '13.0')}/publish"
    paths = [path for _, path, _ in server.calls()]
    place = next(number for number, path in enumerate(paths) if path.endswith(published))
    assert any(path.endswith(f"{published}status") for path in paths[place:]), "it is followed to its end"
    assert (server.live(IVR), server.history(IVR), server.history(FINDER)) == ("13.0", ["13.0"], [])
    assert desk.recorded() == {IVR: "13.0", FINDER: "3.0"}
    assert any("13.0" in path for path in exported_in(desk.remote, NAME))
    audited = {(one["action"], one["status"]): one for one in desk.audited() if one["version"] == "13.0"}
    assert set(audited) >= {("validate", "success"), ("publish", "success"), ("migrate", "success")}
    publish, migrate = audited["publish", "success"], audited["migrate", "success"]
    assert publish["details"]["payload"] == sent
    assert publish["details"]["publish_id"] == migrate["details"]["publish_id"] != ""
    assert migrate["latency_ms"] >= publish["latency_ms"]
    assert (migrate["deployment_success_rate"], migrate["validation_error_rate"]) == (1.0, 0.0)
    record = audited["record", "success"]["details"]
    assert f"{record['commit']}\trefs/heads/{record['branch']}" in desk.git("ls-remote", str(desk.remote))
    assert set(record["artifact_paths"]) <= set(exported_in(desk.remote, NAME))
    assert desk.run("plan", "--detailed-exitcode").returncode == 0, "nothing is left to do"


@pytest.mark.parametrize("by_id", [False, True])
def test_a_version_that_was_live_before_comes_back_by_one_switch(
    server: DeploymentServer, desk: Desk, by_id: bool
) -> None:
    """S1, S2, S3: a pin by number or id, on another page; one PUT with the id, and the way back in its description."""
    server.by_hand(IVR, "13.0")
    server.by_hand(IVR, "12.0")
    server.set(versions_page=1)
    desk.pin(IVR, server.identifier(IVR, "13.0") if by_id else "13.0")
    desk.commit()
    code, told = desk.apply()
    assert code == 0, told
    assert writes(server) == [("POST", "validate"), ("PUT", "routing")]
    sent = body_of(server, "PUT", "/routing/flows/")
    assert sent["version"] == server.identifier(IVR, "13.0")
    assert "12.0" in str(sent["description"])
    assert (server.live(IVR), desk.recorded()[IVR]) == ("13.0", "13.0")


def test_every_page_of_the_versions_is_read(server: DeploymentServer, desk: Desk) -> None:
    """S1: what is live and what is pinned stand on other pages than the first."""
    server.set(versions_page=1)
    desk.pin(IVR, "14.0")
    desk.commit()
    code, told = desk.apply()
    assert code == 0, told
    assert (server.live(IVR), server.history(IVR), desk.recorded()[IVR]) == ("14.0", ["14.0"], "14.0")
    done = desk.run("rollback", "retail-ivr", "--to", "12.0")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (server.live(IVR), server.history(IVR)) == ("12.0", ["14.0", "12.0"])


def test_a_version_that_cannot_be_live_is_blocked_in_the_plan(server: DeploymentServer, desk: Desk) -> None:
    """S1: archived, or not there; all pages are named, nothing is written, and the plan ends with 3."""
    server.set(versions_page=2)
    for version, reason in (("11.0", "version-archived"), ("99.0", "no-such-version")):
        desk.pin(IVR, version)
        desk.commit()
        blocked = blocked_in(desk)
        assert blocked["code"] == reason
        assert "14.0 (draft), 13.0 (draft), 12.0 (deployed), 11.0 (archived)" in blocked["message"]
        code, told = desk.apply()
        assert code == 3, told
        assert (writes(server), server.history(IVR), desk.recorded()[IVR]) == ([], [], "12.0")


def test_the_active_versions_of_all_pages_count(server: DeploymentServer, desk: Desk) -> None:
    """S1: 12.0 and 13.0 answer calls, and no third version may."""
    server.by_hand(IVR, "13.0")
    server.by_hand(IVR, "12.0")
    server.set(versions_page=1)
    desk.describe(safety={"maxActiveVersions": 2})
    desk.pin(IVR, "14.0")
    desk.commit()
    assert blocked_in(desk)["code"] == "safety-limit"
    assert desk.apply()[0] == 3
    assert (writes(server), server.live(IVR)) == ([], "12.0")


def test_a_publish_that_fails_is_told_and_leaves_the_record_alone(server: DeploymentServer, desk: Desk) -> None:
    """P5, P8: failed is failed; what is live never changed."""
    server.set(publish_result="failed")
    desk.pin(IVR, "13.0")
    desk.commit()
    code, told = desk.apply()
    assert (code, "Traceback" in told) == (1, False), told
    assert (server.live(IVR), server.history(IVR), desk.recorded()[IVR]) == ("12.0", [], "12.0")
    [failed] = (one for one in desk.audited() if (one["action"], one["target_version"]) == ("migrate", "13.0"))
    assert (failed["status"], failed["success"], bool(failed["error"])) == ("failure", False, True)
    assert failed["deployment_success_rate"] == 0.0


def test_errors_of_a_validation_stop_the_delivery(server: DeploymentServer, desk: Desk) -> None:
    """P1: nothing is published, and errors and warnings are told."""
    server.set(validate="mixed")
    desk.pin(IVR, "13.0")
    desk.commit()
    code, told = desk.apply()
    assert (code, "Queue wait is long" in told) == (1, True), told
    assert (writes(server), server.history(IVR)) == ([("POST", "validate")], [])
    [checked] = (one for one in desk.audited() if one["action"] == "validate")
    found = checked["details"]["findings"]
    assert (checked["validation_error_rate"], checked["details"]["total_errors"]) == (1.0, 1)
    assert {"error", "warning"} <= {one["severity"] for one in found}


def test_stages_go_up_to_all_calls(server: DeploymentServer, desk: Desk) -> None:
    """P4: the stages as they were asked for, in minutes; live when all calls go there."""
    desk.pin(IVR, "13.0", rollout=STAGES)
    desk.commit()
    code, told = desk.apply()
    assert code == 0, told
    rollout = body_of(server, "POST", "/publish$")["rolloutConfig"]
    stages = [{"percentage": 10, "durationMinutes": 1}, {"percentage": 100, "durationMinutes": 0}]
    assert rollout == {"staged": True, "stages": stages}
    assert (server.live(IVR), desk.recorded()[IVR]) == ("13.0", "13.0")


def test_a_stage_that_had_traffic_and_fails_is_rolled_back(server: DeploymentServer, desk: Desk) -> None:
    """P8: the previous version is published at 100 per cent, with all that the row names."""
    server.set(fail_stage=2)
    desk.pin(IVR, "13.0", rollout=STAGES)
    desk.commit()
    code, told = desk.apply()
    assert code == 1, told
    assert [path for _, path, _ in server.calls() if path.endswith(f"{server.identifier(IVR, '12.0')}/publish")]
    sent = body_of(server, "POST", "/publish$")
    assert sent["publishType"] == "standard"
    assert sent["rolloutConfig"] == {"staged": False, "stages": [{"percentage": 100, "durationMinutes": 0}]}
    assert str(sent["dependencyValidationHash"]).startswith(("sha256:", "rollback-bypass-hash"))
    metadata = sent["metadata"]
    assert isinstance(metadata, dict)
    assert (metadata["releaseVersion"], metadata["deployedBy"]) == ("rollback", "automated-rollback")
    assert metadata["reason"]
    assert (server.live(IVR), desk.recorded()[IVR]) == ("12.0", "12.0")


def test_a_rollback_twice_is_the_same_as_once(server: DeploymentServer, desk: Desk) -> None:
    for version in ("13.0", "14.0"):
        desk.pin(IVR, version)
        desk.commit()
        assert desk.apply()[0] == 0
    first = desk.run("rollback", "retail-ivr")
    assert (first.returncode, server.live(IVR)) == (0, "13.0"), first.stdout + first.stderr
    second = desk.run("rollback", "retail-ivr")
    assert (second.returncode, server.live(IVR)) == (0, "13.0"), second.stdout + second.stderr
    assert server.history(IVR) == ["13.0", "14.0", "13.0"]


def test_an_answer_of_a_switch_that_did_nothing_is_not_believed(server: DeploymentServer, desk: Desk) -> None:
    """S3: what is live decides."""
    server.by_hand(IVR, "13.0")
    server.by_hand(IVR, "12.0")
    server.set(put_silent=True)
    desk.pin(IVR, "13.0")
    desk.commit()
    code, told = desk.apply()
    assert code == 1, told
    assert (server.live(IVR), desk.recorded()[IVR]) == ("12.0", "12.0")


def test_the_command_as_a_process_says_the_same(server: DeploymentServer, tmp_path: Path) -> None:
    """Once as programs use it, with nothing shared but the files, and on the machine's own clock."""
    desk = desk_of(server, tmp_path)
    desk.environment["PENSTOCK_PUBLISH_POLL"] = "0.1"
    desk.pin(FINDER, "4.0")
    desk.commit()
    done = desk.run_as_process("apply")
    assert done.returncode == 0, done.stderr
    assert (server.live(FINDER), desk.recorded()) == ("4.0", {IVR: "12.0", FINDER: "4.0"})
