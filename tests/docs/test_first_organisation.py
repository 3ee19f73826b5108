"""docs/how-to/first-organisation.md works from top to bottom, with a repository, an organisation and a controller."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.docs.how_to import Page, succeeded
from tests.support.patience import PATIENCE_S
from tests.support.penstock_in_path import penstock_in_path
from tests.support.service import eventually
from tests.support.shell import Shell, free_port, simulator_thread
from tests.support.sources import inbound, module

_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
_OF_THE_SHELL = ("export ", "cd ")


class Newcomer:
    """Follows the page step by step; what was exported, and the folder, last as in one shell."""

    def __init__(self, folder: Path, url: str, path: str) -> None:
        self.url = url
        self.port = free_port()
        remote, places = folder / "flows.git", folder / "home"
        places.mkdir()
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(remote)], check=True)
        self.page = Page("first-organisation.md", {r"https://git\.example\.com/voice/flows\.git": str(remote)})
        self.shell = Shell(folder, url)
        shutil.rmtree(self.shell.folder)
        self.shell.folder = places
        self.shell.environment |= {
            "EDITOR": "sed -i s/closed/open/",
            "PATH": path,
            "PENSTOCK_HTTP_ADDRESS": f"127.0.0.1:{self.port}",
            "PENSTOCK_ORGANIZATION_HOSTS": "127.0.0.1",
            "PENSTOCK_POLL_INTERVAL": "1",
            "PENSTOCK_DRIFT_INTERVAL": "3",
            "PENSTOCK_WORK_DIR": str(folder / "work"),
        }
        self._prelude: list[str] = []
        self.log = folder / "service.log"

    def follow(self, heading: str) -> str:
        """Run the commands of a step; returns what they wrote."""
        commands = [each for each in self.page.commands(heading) if each != "penstock run"]
        script = "\n".join(["set -o errexit", *self._prelude, *commands])
        done = self._bash(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, error = done.communicate(timeout=PATIENCE_S)
        succeeded({heading: subprocess.CompletedProcess(script, done.returncode, out, error)})
        self._prelude += [each for each in commands if each.startswith(_OF_THE_SHELL)]
        return out

    def write_manifest(self) -> None:
        """The page's manifest, with the simulator instead of a region."""
        [text] = _BLOCK.findall((Path(__file__).parents[2] / "docs/how-to/first-organisation.md").read_text())
        addresses = f"apiUrl: {self.url}\n  loginUrl: {self.url}"
        (self.shell.folder / "flows" / "organization.yaml").write_text(
            text.replace("region: mypurecloud.ie", addresses)
        )

    def start(self) -> subprocess.Popen[str]:
        """The controller of step 6."""
        *exports, last = [each for each in self.page.commands("6. Start the controller") if each != "penstock status"]
        with self.log.open("w") as log:
            return self._bash("\n".join([*self._prelude, *exports, f"exec {last}"]), stdout=log, stderr=log)

    def _bash(self, script: str, **streams: object) -> subprocess.Popen[str]:
        words = ["bash", "-o", "pipefail", "-c", script]
        return subprocess.Popen(words, cwd=self.shell.folder, env=self.shell.environment, text=True, **streams)  # type: ignore[call-overload, no-any-return]

    def organization(self) -> dict[str, str]:
        try:
            found = httpx.get(f"http://127.0.0.1:{self.port}/status", timeout=30).json()["organizations"]
        except httpx.TransportError:
            return {}
        return found[0] if found else {}

    def live(self) -> dict[str, str]:
        flows = httpx.get(f"{self.url}/_simulator/flows", timeout=30).json()["flows"]
        return {flow["name"]: flow["published_version"] for flow in flows}


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    with simulator_thread() as url, penstock_in_path(os.environ["PATH"]) as path:
        for text in (module("Hours", says="We are closed"), inbound("Front", calls=["Hours"])):
            httpx.post(f"{url}/_simulator/flows", json={"text": text}, timeout=30).raise_for_status()
        yield Newcomer(tmp_path, url, path)


@pytest.mark.proof
def test_a_newcomer_follows_the_page_to_a_controller_that_delivers_every_commit(newcomer: Newcomer) -> None:
    before = newcomer.live()
    newcomer.follow("1. Make an OAuth client")
    newcomer.follow("2. Make a repository")
    newcomer.write_manifest()
    newcomer.follow("3. Check the client")
    newcomer.follow("4. Bring the flows into git")
    assert "2 to adopt" in newcomer.follow("5. Look at the plan")
    controller = newcomer.start()
    try:
        eventually(lambda: newcomer.organization().get("sync") == "OutOfSync", "the controller has looked")
        newcomer.follow("6. Start the controller")
        assert newcomer.live() == before, "it only observes"
        newcomer.follow("7. Let people approve plans")
        eventually(lambda: newcomer.organization().get("sync") == "Synced", "the flows are adopted")
        assert newcomer.live() == before, "an adopted flow is not published"
        shown = newcomer.follow("8. Deliver a change")
        assert "1 caller follows Hours" in shown
        eventually(lambda: set(newcomer.live().values()) == {"2.0"}, "the change is delivered")
        newcomer.follow("9. Deliver every commit")
        eventually(lambda: newcomer.organization().get("message") == "in sync", "it is at rest")
        copy = ("store", "copy", f"sqlite:///{newcomer.log.parent / 'copy.db'}")
        assert newcomer.shell.run(*copy).returncode == 3, "the controller works in the store"
        assert newcomer.shell.run(*copy, "--in-use").returncode == 0
    finally:
        controller.send_signal(signal.SIGTERM)
        assert controller.wait(timeout=PATIENCE_S) == 0, newcomer.log.read_text()
    moved = newcomer.shell.run("store", "copy", f"sqlite:///{newcomer.log.parent / 'moved.db'}")
    assert moved.returncode == 0, "a controller that was stopped gave its leases up"


def test_each_step_with_commands_is_followed() -> None:
    headings = Page("first-organisation.md").headings()
    assert headings == {
        *("1. Make an OAuth client", "2. Make a repository", "3. Check the client", "4. Bring the flows into git"),
        *("5. Look at the plan", "6. Start the controller", "7. Let people approve plans", "8. Deliver a change"),
        "9. Deliver every commit",
    }
