"""`penstock apply` where something is held back: the reason is told, and the exit code says that it is not done."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import yaml

from controller.simulator.control import EDITS, UserEdit
from controller.simulator.control import person as person_of
from controller.simulator.simulator import Simulator
from tests.support.inside import InsideShell
from tests.support.kept import Kept, begun
from tests.support.sources import inbound, module


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """After a delivery."""
    with begun(tmp_path_factory.mktemp("kept")) as (made, simulator):
        assert made.run("apply").returncode == 0
        yield Kept(made, simulator)


def lock(simulator: Simulator) -> None:
    grace = person_of(simulator.organization, "Grace Hopper")
    flow = simulator.flow("inboundcall", "Front")
    EDITS["lock"](simulator.organization, UserEdit(flow, grace, None, None), simulator.clock.now())


def refusals(text: str) -> list[str]:
    """The refusals of a plan on a terminal, each on one line."""
    shown = text.partition("\n")[2].partition("\n\n")[0]
    return [" ".join(each.split()) for each in re.split(r"^! ", shown, flags=re.MULTILINE)[1:]]


def test_where_everything_is_blocked_nothing_begins_and_the_exit_code_is_3(
    shell: InsideShell, simulator: Simulator
) -> None:
    lock(simulator)
    shell.flow("front", inbound("Front", says="Second", calls=["Hours"]))
    shell.commit()

    text = shell.run("apply")
    done = shell.run("apply", "--format", "json")

    assert (text.returncode, done.returncode) == (3, 3)
    assert text.stdout.endswith("acme: blocked, nothing to do\n")
    assert "Grace Hopper" in text.stdout
    [organization] = json.loads(done.stdout)["organizations"]
    assert (organization["outcome"], organization["sync"], organization["steps"]) == ("blocked", None, [])
    assert [(each["flow"], each["code"]) for each in organization["blocked"]] == [("front", "flow-locked")]


def test_where_only_a_part_is_blocked_the_rest_is_delivered_and_the_exit_code_is_1(
    shell: InsideShell, simulator: Simulator
) -> None:
    lock(simulator)
    shell.flow("front", inbound("Front", says="Second", calls=["Hours"]))
    shell.flow("aside", module("Aside"))
    shell.commit()

    done = shell.run("apply")

    assert done.returncode == 1
    assert re.search(r"^acme: sync 2 incomplete after \d+ s: 1 done, 1 skipped$", done.stdout, re.MULTILINE)
    assert "  + aside  create   recorded" in done.stdout
    assert "Grace Hopper" in done.stdout
    assert simulator.flow("commonmodule", "Aside").published


def test_a_plan_that_would_be_refused_at_this_moment_says_so_in_every_format(shell: InsideShell) -> None:
    """It waits for a word and a window: the exit code is that of the plan."""
    path = shell.folder / "organization.yaml"
    document = yaml.safe_load(path.read_text())
    document["spec"]["windows"] = [{"kind": "deny", "schedule": "0 0 * * *", "duration": "24h"}]
    document["spec"]["sync"] = {"mode": "manual"}
    path.write_text(yaml.safe_dump(document))
    shell.flow("aside", module("Aside"))
    shell.commit()

    text, digest = shell.run("plan"), shell.json("plan")["digest"]
    shell.run("approve", digest)
    approved = shell.run("plan")

    assert (text.returncode, shell.run("plan", "--detailed-exitcode").returncode) == (0, 2)
    first, second = refusals(text.stdout)
    assert first.startswith("apply would be refused now: acme: sync.mode is manual, and plan sha256:")
    assert first.endswith("[not-confirmed]")
    assert second.startswith("apply would be refused now: acme: deny window")
    [only] = refusals(approved.stdout)
    assert only.endswith("--ignore-windows in an emergency [window-closed]")
    assert "<b>apply would be refused now</b>: acme: deny window" in shell.run("plan", "--format", "markdown").stdout
    page = shell.run("plan", "--format", "html").stdout
    assert "apply would be refused now</bdi></strong>: acme: deny window" in page
    [organization] = shell.json("plan")["organizations"]
    assert [(each["flow"], each["code"]) for each in organization["held_back"]] == [(None, "window-closed")]


def test_uncommitted_changes_and_limits_stand_in_every_format_and_a_limit_ends_with_3(shell: InsideShell) -> None:
    path = shell.folder / "organization.yaml"
    document = yaml.safe_load(path.read_text())
    document["spec"]["safety"] = {"maxUpdatePercent": 10, "minimumExisting": 1}
    path.write_text(yaml.safe_dump(document))
    shell.commit()
    shell.flow("front", inbound("Front", says="Second", calls=["Hours"]))

    for output in ("text", "markdown", "html", "json"):
        told = shell.run("plan", "--detailed-exitcode", "--format", output)
        assert told.returncode == 3, output
        assert "would change 1 of 2 flows" in told.stdout, output
        assert "uncommitted change" in told.stdout, output
    document["spec"]["sync"] = {"mode": "observe"}
    path.write_text(yaml.safe_dump(document))
    shell.commit()
    told = shell.run("plan", "--format", "json")
    [organization] = json.loads(told.stdout)["organizations"]
    assert [each["code"] for each in organization["held_back"]] == ["sync-suspended", "safety-limit"]
    assert told.returncode == 3, "the limit counts though more stands before it"


def test_a_plan_ends_with_3_where_a_commit_must_mend_it_and_not_where_it_only_waits(
    shell: InsideShell, simulator: Simulator
) -> None:
    lock(simulator)
    shell.flow("front", inbound("Front", says="Second", calls=["Hours"]))
    shell.commit()
    assert shell.run("plan").returncode == 0
    assert shell.run("plan", "--detailed-exitcode").returncode == 2
    shell.flow("aside", inbound("Aside", calls=["Nowhere"]))
    shell.commit()
    assert shell.run("plan").returncode == 3
    assert shell.run("plan", "--detailed-exitcode", "--format", "json").returncode == 3


def test_a_pin_that_does_not_exist_is_blocked_before_anything_is_applied(shell: InsideShell) -> None:
    manifest = yaml.safe_load((shell.folder / "hours.yaml").read_text())
    manifest["spec"] = {"type": "commonmodule", "name": "Hours", "source": {"version": "99.0"}}
    (shell.folder / "hours.yaml").write_text(yaml.safe_dump(manifest))
    shell.commit()
    for output in ("text", "markdown", "html", "json"):
        told = shell.run("plan", "--format", output)
        assert told.returncode == 3
        assert "no-such-version" in told.stdout
    changes = {change["flow"]: change for change in shell.json("plan")["organizations"][0]["changes"]}
    assert changes["hours"]["blocked"]["code"] == "no-such-version"
    assert "the newest are 1.0 (deployed)" in changes["hours"]["blocked"]["message"]
    assert shell.run("apply").returncode == 3


def test_a_closed_window_is_told_by_status_and_who_lifts_it_is_kept(shell: InsideShell) -> None:
    path = shell.folder / "organization.yaml"
    document = yaml.safe_load(path.read_text())
    document["spec"]["windows"] = [{"kind": "deny", "schedule": "0 0 * * *", "duration": "24h"}]
    path.write_text(yaml.safe_dump(document))
    shell.flow("aside", module("Aside"))
    shell.commit()

    refused, status = shell.run("apply"), shell.run("status")
    [waiting] = shell.json("status")["organizations"]
    forced = shell.run("apply", "--ignore-windows", "--allow-unpushed")
    [done] = shell.json("status")["organizations"]

    assert (refused.returncode, status.returncode, forced.returncode) == (3, 0, 0)
    assert "! apply would be refused now: acme: deny window '0 0 * * *' for 24 h (UTC) denies" in " ".join(
        status.stdout.split()
    )
    assert [(each["flow"], each["code"]) for each in waiting["held_back"]] == [(None, "window-closed")]
    assert waiting["last_sync"]["trigger"] == "command"
    assert (done["held_back"], done["at_work"]) == ([], None)
    assert done["last_sync"]["trigger"] == "command --ignore-windows --allow-unpushed"
