"""`penstock apply` is told to stop: it ends soon, says what it finished and parked, and the next one goes on."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from controller.domain.capabilities import ARCHITECT, VERSIONED
from tests.service.shop import Shop, organization
from tests.support.commands import Command
from tests.support.service import eventually

SOON_S = 120
"""A publish may go on for the 20 seconds of its grace; the rest is what a busy machine takes."""
BAKE_S = 15


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with organization(tmp_path) as served:
        yield served


def ended(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """Exit code and stdout of the process, which is told to stop now."""
    process.send_signal(number)
    output, _ = process.communicate(timeout=SOON_S)
    return process.returncode, output


@pytest.mark.parametrize(("dialect", "number"), [(ARCHITECT, signal.SIGTERM), (VERSIONED, signal.SIGINT)])
def test_a_publish_that_runs_is_finished_and_the_next_one_not_begun(
    dialect: str, number: signal.Signals, tmp_path: Path, url: str
) -> None:
    shop = Shop(tmp_path, url, dialect)
    shop.publishes_slowly()
    with shop.started("apply") as process:
        shop.publishing("hours")
        code, output = ended(process, number)

    assert code == 130
    assert "acme: sync 1 stopped" in output
    words = " ".join(output.split())
    assert "hours publish recorded" in words or "hours switch recorded" in words
    assert "front publish skipped" in words or "front switch skipped" in words
    assert "the controller was told to stop before it began" in output
    assert "the next run resumes the parked changes and begins the skipped ones" in output
    assert "penstock: stopping: finishing or parking changes" in shop.log.read_text()
    assert shop.live() == {"Front": "1.0", "Hours": "2.0"}
    shop.comes_to_its_end()


@pytest.mark.parametrize(("dialect", "number"), [(ARCHITECT, signal.SIGINT), (VERSIONED, signal.SIGTERM)])
def test_a_version_that_bakes_is_parked_at_once(dialect: str, number: signal.Signals, tmp_path: Path, url: str) -> None:
    shop = Shop(tmp_path, url, dialect, rollout={"bake": f"{BAKE_S}s"})
    shop.environment["PENSTOCK_LOG_LEVEL"] = "info"
    with shop.started("apply", "--format", "json") as process:
        shop.told('"event": "change.baking"')
        before = time.monotonic()
        code, output = ended(process, number)

    assert time.monotonic() - before < BAKE_S
    assert code == 130
    (told,) = json.loads(output)["organizations"]
    assert told["outcome"] == "stopped"
    assert {step["flow"]: (step["state"], step["parked"]) for step in told["steps"]} == {
        "hours": ("baking", True),
        "front": ("skipped", False),
    }
    shop.comes_to_its_end()


@pytest.mark.parametrize("dialect", [ARCHITECT, VERSIONED])
def test_a_second_interrupt_ends_it_at_once_and_breaks_nothing(dialect: str, tmp_path: Path, url: str) -> None:
    shop = Shop(tmp_path, url, dialect)
    shop.publishes_slowly()
    with shop.started("apply") as process:
        shop.publishing("hours")
        process.send_signal(signal.SIGINT)
        shop.told("a second signal quits now")
        code, output = ended(process, signal.SIGINT)

    assert (code, output) == (-signal.SIGINT, "")
    shop.comes_to_its_end()


def test_organisations_that_were_not_begun_are_named(tmp_path: Path, url: str) -> None:
    shop = Shop(tmp_path, url, ARCHITECT)
    acme, zeta = shop.folder / "acme", shop.folder / "zeta"
    acme.mkdir()
    zeta.mkdir()
    for path in shop.folder.glob("*.yaml"):
        path.rename(acme / path.name)
    manifest = yaml.safe_load((acme / "organization.yaml").read_text())
    manifest["metadata"]["name"] = "zeta"
    (zeta / "organization.yaml").write_text(yaml.safe_dump(manifest))
    shop.commit()
    shop.publishes_slowly()
    with shop.started("apply") as process:
        shop.publishing("hours")
        code, output = ended(process, signal.SIGTERM)

    assert code == 130
    assert "acme: sync 1 stopped" in output
    assert "penstock: zeta: interrupted before any change started" in output
    assert "[interrupted]" in output


def pushes_slowly(shop: Shop, folder: Path) -> tuple[Path, Path]:
    """Give the repository a remote whose first push waits for the next, or for the test.

    Returns what tells of the first, and what lets it go on where it is made.
    """
    remote, pushing, go_on = folder / "remote.git", folder / "pushing", folder / "go-on"
    shop.git("init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    shop.git("remote", "add", "origin", str(remote))
    shop.git("push", "--quiet", "--set-upstream", "origin", "main")
    hook = remote / "hooks" / "pre-receive"
    hook.write_text(
        f"#!/bin/sh\nif mkdir {pushing} 2> {os.devnull}; then\n"
        f"    for _ in $(seq 1000); do test -e {go_on} && break; sleep 0.1; done\nfi\ntouch {go_on}\n"
    )
    hook.chmod(0o755)
    return pushing, go_on


def test_a_push_that_runs_is_finished_and_all_is_done(tmp_path: Path, url: str) -> None:
    shop = Shop(tmp_path, url, ARCHITECT)
    pushing, go_on = pushes_slowly(shop, tmp_path)
    with shop.started("apply") as process:
        eventually(pushing.exists, "the push")
        process.send_signal(signal.SIGTERM)
        shop.told("stopping: finishing or parking changes")
        go_on.touch()
        output, _ = process.communicate(timeout=SOON_S)
        code = process.returncode

    assert code == 0, output
    assert "acme: sync 1 succeeded" in output
    assert shop.git("ls-remote", "origin", "refs/heads/penstock/records").split()[0][:12] in output
    shop.comes_to_its_end()


def test_a_second_interrupt_during_a_push_leaves_a_repository_that_the_next_run_records_in(
    tmp_path: Path, url: str
) -> None:
    """git itself goes on: the next run's push meets the one that was left behind."""
    shop = Shop(tmp_path, url, ARCHITECT)
    pushing, _ = pushes_slowly(shop, tmp_path)
    with shop.started("apply") as process:
        eventually(pushing.exists, "the push")
        process.send_signal(signal.SIGINT)
        shop.told("a second signal quits now")
        code, _ = ended(process, signal.SIGINT)

    assert code == -signal.SIGINT
    shop.comes_to_its_end()
    assert shop.git("fsck", "--no-dangling") == ""


def test_a_terminal_gets_its_cursor_back_also_from_a_process_that_is_ended_at_once(tmp_path: Path, url: str) -> None:
    shop = Shop(tmp_path, url, ARCHITECT)
    shop.publishes_slowly()
    reading, terminal = pty.openpty()
    environment = {**shop.environment, "TERM": "xterm"}
    process = Command(
        "apply", strict=False, cwd=shop.folder, env=environment, stdout=subprocess.DEVNULL, stderr=terminal
    )
    os.close(terminal)
    shop.publishing("hours")
    process.send_signal(signal.SIGINT)
    seen = b""
    while b"a second signal quits now" not in seen:
        seen += os.read(reading, 4096)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=SOON_S) == -signal.SIGINT
    try:
        while chunk := os.read(reading, 4096):
            seen += chunk
    except OSError:  # the other side is gone
        os.close(reading)
    assert seen.rindex(b"\x1b[?25h") > seen.rindex(b"\x1b[?25l")
