"""A controller with its API, and a laptop that asks it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from controller.service.access.person import Role
from controller.service.access.tokens import new_entry, new_token
from tests.support.inside import run_inside
from tests.support.service import Service, eventually
from tests.support.shell import simulator_thread
from tests.support.sources import inbound, module
from tests.support.world import World

PEOPLE = {"olga": Role.OPERATE, "rita": Role.READ}


@dataclass
class Site:
    """A controller, a laptop without manifests, store or credentials, and the controller's own host."""

    service: Service
    laptop: Path
    tokens: Mapping[str, str]

    def ask(self, *words: str, person: str | None = "olga") -> tuple[int, str, str]:
        """A command on the laptop."""
        done = run_inside(*words, cwd=self.laptop, env=self.environment(person))
        return done.returncode, done.stdout, done.stderr

    def environment(self, person: str | None) -> dict[str, str]:
        """The laptop's, with a person's token."""
        others = ("PENSTOCK_", "ACME_", "XDG_")
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(others)},
            **({} if person is None else {"PENSTOCK_TOKEN": self.tokens[person]}),
            "HOME": str(self.laptop),
            "PENSTOCK_STORE": f"sqlite:///{self.laptop}/none/store.db",
            "PENSTOCK_SERVER": f"http://127.0.0.1:{self.service.port}",
        }

    def on_the_host(self, *words: str) -> str:
        """The output of the same command in the controller's store, with its manifests."""
        done = run_inside(*words, cwd=self.service.world.clone, env=self.service.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def plan_digest(self) -> str | None:
        """Of the plan that holds now, as the controller knows it."""
        digest: str | None = self._told("")["organizations"][0]["plan_digest"]
        return digest

    def _told(self, path: str) -> Any:
        """What its API says below `organizations`."""
        url = f"http://127.0.0.1:{self.service.port}/api/v1/organizations{path}"
        return httpx.get(url, headers={"authorization": f"Bearer {self.tokens['rita']}"}, timeout=30).json()

    def stop(self) -> None:
        if self.service.process is not None and self.service.process.poll() is None:
            self.service.process.kill()
            self.service.process.wait()

    def describe(self, **spec: object) -> None:
        """Write other settings of the organisation, for the next commit."""
        self.service.world.describe(apiUrl=self.service.url, loginUrl=self.service.url, **spec)

    def change(self, says: str, **spec: object) -> None:
        """Commit and push other content of Front; `spec` are further fields of its manifest."""
        self.service.world.flow("front", inbound("Front", calls=["Hours"], says=says), **spec)
        self.service.world.commit()

    def front(self) -> str:
        """The version that is live."""
        return str(self.service.live()["Front"])

    def flows(self) -> dict[str, dict[str, str]]:
        """The flows by name, as the controller shows them."""
        return {each["flow"]: each for each in self._told("/acme/flows").get("flows", ())}

    def until_delivered(self, version: str) -> None:
        """Until the version is live and recorded, and the controller has looked since."""
        eventually(lambda: self._is_delivered(version), f"{version} is delivered", every_s=0.5)

    def _is_delivered(self, version: str) -> bool:
        if self.front() != version or self.plan_digest() is None:
            return False
        flows = self.flows()
        in_order = all((each["sync"], each["health"]) == ("Synced", "Healthy") for each in flows.values())
        is_live = "front" in flows and flows["front"]["version"] == version
        return in_order and is_live and self.plan_digest() is not None


@contextlib.contextmanager
def begun_site(world: World, folder: Path, **hours: object) -> Iterator[Site]:
    """A controller that begins its first delivery; `hours` are fields of the manifest of the module that Front calls.

    olga may operate, rita may read.
    """
    with simulator_thread(rate_limit=3000) as url:
        world.describe(apiUrl=url, loginUrl=url)
        world.flow("front", inbound("Front", calls=["Hours"]))
        world.flow("hours", module("Hours"), **hours)
        world.commit()
        service, tokens = Service(world, url, folder), {name: new_token() for name in PEOPLE}
        entries = [new_entry(tokens[name], name, role, (), None) for name, role in PEOPLE.items()]
        file = folder / "tokens.yaml"
        file.write_text(yaml.safe_dump({"tokens": [each.model_dump(mode="json") for each in entries]}))
        file.chmod(0o600)
        service.environment |= {
            "PENSTOCK_TOKENS_FILE": str(file),
            "PENSTOCK_READ_ACCESS": "token",
            # It works on whatever the test waits for.
            "PENSTOCK_POLL_INTERVAL": "1",
            "PENSTOCK_DRIFT_INTERVAL": "3",
        }
        (folder / "laptop").mkdir()
        made = Site(service, folder / "laptop", tokens)
        service.start()
        try:
            yield made
        finally:
            made.stop()


@contextlib.contextmanager
def site_of(world: World, folder: Path) -> Iterator[Site]:
    """A controller that delivered two versions of Front; olga may operate, rita may read."""
    with begun_site(world, folder) as made:
        eventually(lambda: made.service.live() == {"Front": "1.0", "Hours": "1.0"}, "the first delivery")
        made.change("Second")
        made.until_delivered("2.0")
        yield made
