"""`penstock plan --base`: what a branch changes, and nothing that its base waits for or that drifted before."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
import yaml

from controller.simulator.settings import SimulatorSettings
from tests.support.inside import InsideShell
from tests.support.kept import Kept, begun
from tests.support.shell import simulator_thread
from tests.support.sources import inbound, module


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Two flows are live; main waits to publish `hours`, and `front` is changed on a branch that is checked out."""
    with begun(tmp_path_factory.mktemp("kept"), SimulatorSettings(time_scale=50, rate_limit_per_minute=3000)) as (
        made,
        simulator,
    ):
        assert made.run("apply").returncode == 0
        made.flow("hours", module("Hours", says="Waiting on main"))
        made.commit()
        made.git("checkout", "--quiet", "-b", "topic")
        made.flow("front", inbound("Front", says="Of the branch", calls=["Hours"]))
        made.commit()
        yield Kept(made, simulator)


def organization(shell: InsideShell, **spec: object) -> None:
    path = shell.folder / "organization.yaml"
    document = yaml.safe_load(path.read_text())
    document["spec"] |= spec
    path.write_text(yaml.safe_dump(document))


def on_main(shell: InsideShell) -> None:
    """Commit what is changed now to main instead of the branch."""
    shell.git("stash", "--quiet", "--include-untracked")
    shell.git("checkout", "--quiet", "main")
    shell.git("stash", "pop", "--quiet")
    shell.commit()
    shell.git("checkout", "--quiet", "topic")


def planned(shell: InsideShell, base: str = "main") -> dict:
    [found] = shell.json("plan", "--base", base)["organizations"]
    return found


def test_it_shows_what_the_branch_changes_and_counts_what_was_there_before(shell: InsideShell) -> None:
    done = shell.run("plan", "--base", "main", "--diff")

    assert done.returncode == 0
    told = " ".join(done.stdout.split())
    assert "1 to publish" in told
    assert "publish front" in told
    assert "hours commonmodule" not in told
    assert "not shown, because the base has them as well: 1 change; the digest" in " ".join(done.stdout.split())
    assert 'speech "Of the branch"' in told
    assert "Waiting on main" not in told


def test_the_view_is_in_every_format_and_the_digest_is_that_of_the_full_plan(shell: InsideShell) -> None:
    found = planned(shell)
    view = found["view"]

    assert [each["flow"] for each in found["changes"]] == ["hours", "front"]
    assert (view["flows"], view["hidden_changes"], view["summary"]["publish"]) == (["front"], 1, 1)
    assert (view["base_ref"], view["base_revision"]) == ("main", shell.git("rev-parse", "main"))
    assert view["head_revision"] == shell.git("rev-parse", "topic")
    assert found["organization_id"]
    assert found["digest"] == shell.json("plan")["digest"]
    for shape in ("markdown", "html"):
        shown = shell.run("plan", "--base", "main", "--format", shape).stdout
        assert found["digest"] in shown
        assert "not shown, because the base has them as well" in shown
        assert shown.count("Hours") == 0


def test_commits_that_the_base_got_meanwhile_are_no_changes_of_the_branch(shell: InsideShell) -> None:
    """The head is what a merge leaves, so its digest is that of the plan after the merge."""
    shell.flow("aside", module("Aside"))
    on_main(shell)
    before = sorted(path.name for path in (shell.folder / ".git" / "objects").rglob("*"))
    found = planned(shell)

    assert found["view"]["flows"] == ["front"]
    assert found["view"]["vanished"] == []
    assert sorted(path.name for path in (shell.folder / ".git" / "objects").rglob("*")) == before
    shell.git("merge", "--quiet", "--no-edit", "main")
    assert shell.json("plan")["digest"] == found["digest"]


def test_a_change_that_the_branch_makes_unnecessary_is_named(shell: InsideShell) -> None:
    shell.flow("hours", module("Hours"))
    shell.commit()

    found = planned(shell)

    assert [each["flow"] for each in found["view"]["vanished"]] == ["hours"]
    assert "hours: publish is no longer to be done" in shell.run("plan", "--base", "main").stdout


def test_a_manifest_that_the_branch_removes_is_drift_of_the_branch_and_other_drift_is_only_counted(
    shell: InsideShell,
) -> None:
    flows = {each["name"]: each["id"] for each in httpx.get(f"{shell.url}/_simulator/flows").json()["flows"]}
    body = {"by": "Ada", "text": module("Hours", says="By hand")}
    httpx.post(f"{shell.url}/_simulator/flows/{flows['Hours']}/publish", json=body)
    (shell.folder / "front.yaml").unlink()
    shell.commit()

    view = planned(shell)["view"]

    assert [(each["flow"], each["kind"]) for each in view["drift"]] == [("front", "orphaned")]
    assert view["hidden_drift"] == 1


def test_another_setting_of_a_flow_is_named_though_nothing_is_published(shell: InsideShell) -> None:
    shell.flow("hours", module("Hours", says="Waiting on main"), rollout={"bake": "5m"})
    shell.commit()

    assert planned(shell)["view"]["settings"] == ["hours"]


def test_policy_and_credentials_of_the_branch_take_effect_after_the_merge(shell: InsideShell) -> None:
    organization(
        shell, sync={"mode": "manual"}, credentials={"clientId": {"env": "OTHER"}, "clientSecret": {"env": "O"}}
    )
    shell.commit()

    found = planned(shell)

    assert found["view"]["policy"] == ["credentials", "sync"]
    assert found["held_back"] == []
    assert "takes effect after the merge" in " ".join(shell.run("plan", "--base", "main").stdout.split())


def test_a_branch_that_names_another_endpoint_causes_no_call_there(shell: InsideShell) -> None:
    """Neither for an organisation that it moves, nor for one that it adds."""
    with simulator_thread() as elsewhere:
        organization(shell, apiUrl=elsewhere, loginUrl=elsewhere)
        document = yaml.safe_load((shell.folder / "organization.yaml").read_text())
        for folder in ("acme", "added"):
            (shell.folder / folder).mkdir()
        for file in list(shell.folder.glob("*.yaml")):
            file.rename(shell.folder / "acme" / file.name)
        document["metadata"]["name"] = "added"
        (shell.folder / "added" / "organization.yaml").write_text(yaml.safe_dump(document))
        shell.commit()

        done = shell.run("plan", "--base", "main")
        calls = httpx.get(f"{elsewhere}/_simulator/calls").json()

    assert done.returncode == 0
    assert "publish  front" in done.stdout
    assert "the branch changes region, apiUrl or loginUrl of the organisation" in done.stdout
    assert "added: no plan" in done.stdout
    assert "the branch adds this organisation" in done.stdout
    assert calls["calls"] == []


def test_a_mistake_of_the_branch_is_red_and_one_of_the_base_is_not_the_branchs(shell: InsideShell) -> None:
    shell.flow("aside", inbound("Aside", calls=["Nowhere"]))
    on_main(shell)
    assert shell.run("plan").returncode == 0
    assert planned(shell)["summary"]["blocked"] == 1
    assert shell.run("plan", "--base", "main").returncode == 0

    shell.flow("own", inbound("Own", calls=["Nowhere"]))
    shell.commit()
    assert shell.run("plan", "--base", "main").returncode == 3


def test_the_exit_code_tells_whether_the_branch_changes_anything(shell: InsideShell) -> None:
    assert shell.run("plan", "--base", "main", "--detailed-exitcode").returncode == 2
    assert shell.run("plan", "--base", "topic", "--detailed-exitcode").returncode == 0
    assert "the branch changes nothing" in shell.run("plan", "--base", "topic").stdout
