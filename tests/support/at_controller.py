"""A controller with its API, and a laptop that asks it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from controller.service.access.person import Role
from controller.service.access.tokens import new_entry, new_token
from tests.support.commands import run
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
        done = run(*words, cwd=self.laptop, env=self.environment(person))
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
        done = run(*words, cwd=self.service.world.clone, env=self.service.environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def plan_digest(self) -> str | None:
        """Of the plan that holds now, as the controller knows it."""
        headers = {"authorization": f"Bearer {self.tokens['rita']}"}
        url = f"http://127.0.0.1:{self.service.port}/api/v1/organizations"
        found = httpx.get(url, headers=headers, timeout=30).json()
        digest: str | None = found["organizations"][0]["plan_digest"]
        return digest

    def stop(self) -> None:
        if self.service.process is not None and self.service.process.poll() is None:
            self.service.process.kill()
            self.service.process.wait()

    def change(self, says: str, **spec: object) -> None:
        """Commit and push other content of Front; `spec` are further fields of its manifest."""
        self.service.world.flow("front", inbound("Front", calls=["Hours"], says=says), **spec)
        self.service.world.commit()

    def front(self) -> str:
        """The version that is live."""
        return str(self.service.live()["Front"])

    def health(self) -> str | None:
        """Front's, as the controller shows it."""
        code, out, _ = self.ask("status", "--format", "json")
        flows = json.loads(out)["organizations"][0]["flows"] if code == 0 else []
        return next((str(each["health"]) for each in flows if each["flow"] == "front"), None)

    def until_delivered(self, version: str) -> None:
        """Until the version is live and recorded, and the controller has looked since."""
        eventually(lambda: self._is_delivered(version), f"{version} is delivered")

    def _is_delivered(self, version: str) -> bool:
        if self.front() != version or self.plan_digest() is None:  # a command takes many times as long
            return False
        code, out, _ = self.ask("status", "--format", "json")
        flows = json.loads(out)["organizations"][0]["flows"] if code == 0 else []
        in_order = all((each["sync"], each["health"]) == ("Synced", "Healthy") for each in flows)
        is_live = any((each["flow"], each["version"]) == ("front", version) for each in flows)
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
        service.environment |= {"PENSTOCK_TOKENS_FILE": str(file), "PENSTOCK_READ_ACCESS": "token"}
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
