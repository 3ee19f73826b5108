"""`penstock rollback` and what is told around it, as a person reads it at night."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import yaml

from controller.cli.apply_output import apply_text
from controller.simulator.control import EDITS, UserEdit
from controller.simulator.control import person as person_of
from controller.simulator.simulator import Simulator
from tests.support.inside import InsideShell
from tests.support.kept import Kept, begun
from tests.support.sources import inbound, module
from tests.support.world import World

FOLLOWS = "until published again: the next pass or `penstock apply` does that, save for pinned versions"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    """Front calls Hours; both are live in their second version."""
    with begun(tmp_path_factory.mktemp("kept")) as (made, simulator):
        assert made.run("apply").returncode == 0
        made.flow("hours", module("Hours", says="Second"))
        made.commit()
        assert made.run("apply").returncode == 0
        yield Kept(made, simulator)


def describe(shell: InsideShell, **spec: object) -> None:
    path = shell.folder / "organization.yaml"
    document = yaml.safe_load(path.read_text())
    document["spec"] |= spec
    path.write_text(yaml.safe_dump(document))
    shell.commit()


def lock(simulator: Simulator) -> None:
    grace = person_of(simulator.organization, "Grace\x1b[31m Hopper")
    flow = simulator.flow("commonmodule", "Hours")
    EDITS["lock"](simulator.organization, UserEdit(flow, grace, None, None), simulator.clock.now())


def test_what_came_of_it_what_git_has_to_do_and_who_is_left_behind(shell: InsideShell) -> None:
    asked = shell.git("log", "-1", "--format=%h", "--", "hours.flow.yaml")

    done = shell.run_as_process("rollback", "hours")

    assert done.returncode == 0
    assert done.stderr == "  hours: rolling-back 2.0\n  hours: rolled-back 1.0\n"
    first, *told, empty, summary, recorded = done.stdout.splitlines()
    assert (first, empty) == ("  < hours  switch  rolled-back  2.0 → 1.0", "")
    assert re.fullmatch(r"acme: sync 3 rolled-back after \d+ s: 0 done, 1 rolled back", summary)
    assert [line.strip() for line in told] == [
        "to make git agree, revert the commit that asked for it; until then it stays rolled back",
        f"hours.yaml and hours.flow.yaml changed last in commit {asked}",
        f"front keeps 2.0 of it {FOLLOWS}",
    ]
    assert recorded.startswith("  recorded in penstock/records@")


def test_the_way_back_is_the_same_command_and_git_has_nothing_to_do(shell: InsideShell) -> None:
    assert shell.run("rollback", "hours").returncode == 0

    document = shell.json("rollback", "hours", "--to", "2.0")
    text = shell.run("rollback", "hours", "--to", "1.0").stdout + shell.run("rollback", "hours", "--to", "2.0").stdout

    [organization] = document["organizations"]
    assert (organization["outcome"], organization["error"]) == ("rolled-back", None)
    [step] = organization["steps"]
    assert (step["previous_version"], step["version"]) == ("1.0", "2.0")
    assert text.count("to make git agree") == 1
    assert shell.json("status")["organizations"][0]["sync"] == "Synced"


def test_a_closed_window_keeps_nobody_from_going_back(shell: InsideShell) -> None:
    describe(shell, windows=[{"kind": "deny", "schedule": "0 0 * * *", "duration": "24h"}])

    assert shell.run("rollback", "hours").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("hurs",), 1, ["there is no flow 'hurs'", "did you mean", "[settings-invalid]"]),
        (("hours", "--to", "9.0"), 3, ["hours (commonmodule/Hours) has no version 9.0", "it has 2.0, 1.0"]),
        (("hours", "--to", "2.0"), 1, ["hours: 2.0 is live already", "hours has 2.0, 1.0"]),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_what_cannot_be_done_is_told_with_the_way_out(
    shell: InsideShell, arguments: tuple[str, ...], code: int, told: list[str]
) -> None:
    done = shell.run("rollback", *arguments)
    document = shell.json("rollback", *arguments)

    assert done.returncode == code
    assert all(words in done.stdout for words in told)
    assert document["organizations"][0]["outcome"] == ("refused" if code == 3 else "error")
    assert shell.json("plan")["organizations"][0]["changes"] == []


def test_a_lock_is_told_at_once_with_who_has_it_and_changes_nothing(shell: InsideShell, simulator: Simulator) -> None:
    lock(simulator)

    done = shell.run("rollback", "hours")

    assert done.returncode == 3
    assert r"hours: commonmodule/Hours is locked by Grace\x1b[31m Hopper since 20" in done.stdout
    assert "\x1b" not in done.stdout
    assert "nothing was changed; roll back again once it is free\n  [flow-locked]" in done.stdout
    assert shell.json("status")["organizations"][0]["last_sync"]["id"] == 2


async def test_a_rollback_that_failed_says_what_is_live_still_and_the_next_apply_does_not_look_well(
    world: World,
) -> None:
    for says in ("First", "Second"):
        world.flow("front", inbound("Front", says=says))
        world.commit()
        assert (await world.apply()).delivered
    world.fault("publish-fails", match={"flow": "Front"})
    world.fault("job-fails", match={"flow": "Front"})

    failed = apply_text([await world.rollback("front")])
    after = apply_text([await world.apply()])

    assert "  ! front  switch  rollback-failed  2.0 is live still\n" in failed
    assert "1.0 could not be brought back" in failed
    assert failed.count("The publish failed.") == 1
    assert after == (
        "acme: in sync, nothing to do\n  but Degraded, because a flow could not be rolled back: see penstock status"
    )
