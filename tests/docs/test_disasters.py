"""docs/how-to/decide.md: a whole organisation goes back to an older commit, and is built again in an empty one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.docs.how_to import Page, succeeded
from tests.support.inside import InsideShell
from tests.support.shell import Shell, simulator_thread
from tests.support.sources import inbound, module

PAGE = Page("decide.md")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """After a first delivery, and a second one that changed everything."""
    with simulator_thread() as url:
        made = InsideShell(tmp_path, url)
        assert made.run("apply", "--yes").returncode == 0
        made.flow("hours", module("Hours", says="Wrong"))
        made.flow("front", inbound("Front", says="Wrong", calls=["Hours"]))
        made.commit()
        assert made.run("apply", "--yes").returncode == 0
        yield made


def test_a_reverted_commit_brings_every_flow_back(shell: Shell) -> None:
    done = PAGE.run(shell, "Bring a whole organisation back")

    succeeded(done)
    assert "1 to publish" in done["penstock plan"].stdout or "2 to publish" in done["penstock plan"].stdout
    flows = httpx.get(f"{shell.url}/_simulator/flows", timeout=30).json()["flows"]
    assert {flow["name"]: flow["published_version"] for flow in flows} == {"Front": "3.0", "Hours": "3.0"}
    assert "Wrong" not in (shell.folder / "front.flow.yaml").read_text()
    assert "in sync, nothing to do" in shell.run("plan").stdout


def test_an_empty_organisation_gets_every_flow_again(shell: Shell) -> None:
    with simulator_thread() as empty:
        path = shell.folder / "organization.yaml"
        manifest = yaml.safe_load(path.read_text())
        manifest["metadata"]["name"] = "rebuilt"
        manifest["spec"] |= {"apiUrl": empty, "loginUrl": empty}
        path.write_text(yaml.safe_dump(manifest))
        shell.commit()

        done = PAGE.run(shell, "Build an organisation again")

        succeeded(done)
        assert "2 to create" in done["penstock plan"].stdout
        assert shell.run("apply", "--yes").returncode == 0
        flows = httpx.get(f"{empty}/_simulator/flows", timeout=30).json()["flows"]
        assert {flow["name"]: flow["published_version"] for flow in flows} == {"Front": "1.0", "Hours": "1.0"}


def test_each_section_with_commands_is_tried() -> None:
    assert PAGE.headings() == {"Bring a whole organisation back", "Build an organisation again"}
