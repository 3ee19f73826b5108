"""A whole controller that people steer over its API, and the commands of the page about it."""

from __future__ import annotations

import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from controller.service.access.person import Role
from controller.service.access.tokens import new_entry, new_token
from tests.support.service import Service
from tests.support.shell import simulator_thread
from tests.support.sources import inbound, module
from tests.support.world import World

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "use-the-api.md"
_BLOCK = re.compile(r"^ *```bash\n(.*?)^ *```", re.MULTILINE | re.DOTALL)


class Steered:
    """`penstock run` over an organisation that waits for approvals, and a client with the role operate."""

    def __init__(self, service: Service, folder: Path) -> None:
        self.service = service
        self.token = new_token()
        tokens = folder / "tokens.yaml"
        entry = new_entry(self.token, "olga", Role.OPERATE, (), None).model_dump(mode="json")
        tokens.write_text(yaml.safe_dump({"tokens": [entry]}), encoding="utf-8")
        service.environment["PENSTOCK_TOKENS_FILE"] = str(tokens)
        self.server = f"http://127.0.0.1:{service.port}"
        self._client = httpx.Client(
            base_url=f"{self.server}/api/v1/", headers={"Authorization": f"Bearer {self.token}"}, timeout=60
        )

    def close(self) -> None:
        self._client.close()

    def get(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get(path).json()
        return found

    def post(self, verb: str, **body: str) -> httpx.Response:
        key = {"idempotency-key": str(uuid.uuid4())}
        return self._client.post(f"organizations/acme/{verb}", json={"reason": "CHG-1", **body}, headers=key)

    def plan(self) -> dict[str, Any]:
        """The plan that holds now; empty before the first pass."""
        try:
            found = self.get("organizations/acme/plan")
        except httpx.TransportError:
            return {}
        return found if "digest" in found else {}

    def planned(self, revision: str) -> str:
        """Wait until the plan of this commit is there; returns its digest."""
        self.service.until(lambda: self.plan().get("revision") == revision, f"the plan of {revision}")
        digest: str = self.plan()["digest"]
        return digest

    def done(self, answer: httpx.Response) -> dict[str, Any]:
        """Wait for the end of an action."""
        assert answer.status_code == 202, answer.text
        where = answer.headers["location"].removeprefix("/api/v1/")
        self.service.until(lambda: self.get(where)["action"]["done_at"] is not None, "the end of the action")
        found: dict[str, Any] = self.get(where)["action"]
        return found


@pytest.fixture
def steered(world: World, tmp_path: Path) -> Iterator[Steered]:
    with simulator_thread(rate_limit=3000) as url:
        world.describe(apiUrl=url, loginUrl=url, sync={"mode": "manual"})
        world.flow("front", inbound("Front", calls=["Hours"]))
        world.flow("hours", module("Hours"))
        service = Service(world, url, tmp_path)
        made = Steered(service, tmp_path)
        yield made
        made.close()
        if service.process is not None and service.process.poll() is None:
            service.process.kill()
            service.process.wait()


def test_an_approval_over_the_api_lets_the_controller_deliver_that_plan_and_no_other(steered: Steered) -> None:
    service, world = steered.service, steered.service.world
    first = world.commit()
    service.start()
    stale = steered.planned(first)
    world.flow("hours", module("Hours", says="We are open"))
    digest = steered.planned(world.commit())
    assert digest != stale

    refused = steered.post("approve", digest=stale)
    assert (refused.status_code, refused.json()["code"]) == (409, "plan-stale")
    given = steered.post("approve", digest=digest)
    assert given.status_code == 200
    service.until(lambda: service.live() == {"Front": "1.0", "Hours": "1.0"}, "the delivery of the approved plan")
    service.until(lambda: steered.get("organizations/acme")["organization"]["sync"] == "Synced", "its end")
    world.flow("hours", module("Hours", says="We are closed"))
    later = steered.planned(world.commit())
    looked = steered.get("organizations/acme")["organization"]["at"]
    service.until(lambda: steered.get("organizations/acme")["organization"]["at"] != looked, "another pass")

    assert later not in (stale, digest)
    assert service.live() == {"Front": "1.0", "Hours": "1.0"}
    assert steered.get("organizations/acme")["organization"]["held_back"]
    (sync,) = steered.get("syncs")["syncs"]
    assert (sync["plan_digest"], sync["state"]) == (digest, "succeeded")
    assert steered.get(f"syncs/{sync['id']}")["approved_by"] == ["olga"]
    noted = {(each["action"], each["status"], each["actor"]) for each in steered.get("audit?actor=olga")["entries"]}
    assert {("approve", "success", "olga"), ("request", "success", "olga"), ("request", "refused", "olga")} <= noted
    assert service.stop() == 0


def test_a_rollback_and_a_suspension_over_the_api_are_carried_out(steered: Steered) -> None:
    service, world = steered.service, steered.service.world
    service.start()
    steered.post("approve", digest=steered.planned(world.commit()))
    service.until(lambda: service.live() == {"Front": "1.0", "Hours": "1.0"}, "the first delivery")
    world.flow("hours", module("Hours", says="We are open"))
    digest = steered.planned(world.commit())
    synced = steered.done(steered.post("sync", digest=digest))
    assert service.live()["Hours"] in ("1.0", "2.0"), synced
    steered.post("approve", digest=steered.plan()["digest"])
    service.until(lambda: service.live()["Hours"] == "2.0", "the second delivery")

    back = steered.done(steered.post("rollback", flow="hours"))
    assert (back["outcome"], back["by"]) == ("done", "olga"), back
    assert service.live()["Hours"] == "1.0"
    assert steered.post("suspend").status_code == 200
    held = steered.get("organizations/acme")["organization"]["suspended"]
    assert (held["by"], held["reason"]) == ("olga", "CHG-1")
    refused = steered.done(steered.post("sync"))
    assert refused["outcome"] == "refused", refused
    assert steered.post("resume").json()["suspended"] is None
    assert service.stop() == 0


def commands() -> list[str]:
    blocks = _BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return [line.strip() for block in blocks for line in block.splitlines()]


def test_the_commands_of_the_page_run(steered: Steered, tmp_path: Path) -> None:
    world = steered.service.world
    revision = world.commit()
    steered.service.start()
    digest = steered.planned(revision)
    steered.post("approve", digest=digest)
    steered.service.until(lambda: steered.get("organizations/acme")["organization"]["sync"] == "Synced", "the delivery")
    environment = {**os.environ, "PENSTOCK_SERVER": steered.server, "PENSTOCK_TOKEN": steered.token}
    said = {}
    for command in commands():
        done = subprocess.run(command, shell=True, env=environment, check=False, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        said[command] = done.stdout
    texts = "".join(said.values())

    assert len(said) == 14
    assert digest in texts
    assert '"penstock.diff/v1"' in texts
    assert "retry: 1000" in texts
    assert '"code":"plan-stale"' in texts
    assert steered.service.stop() == 0
