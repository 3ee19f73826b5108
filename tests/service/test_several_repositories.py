"""One controller follows several repositories: each has manifests, faults and webhooks of its own."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import shutil
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client import generate_latest
from starlette.applications import Starlette

from controller.cli.commands.run import git_sources
from controller.domain.status import SyncStatus
from controller.genesys.connect import connect
from controller.service.controller import Controller
from controller.service.status_document import status_document
from tests.safety.test_workers import Running
from tests.support.clock import SteppedClock
from tests.support.patience import PATIENCE_S
from tests.support.sources import inbound
from tests.support.world import RECORDS, SECRET, World

FILES = 50
"""The most files of a repository."""
WEBHOOK = {name: f"{name}-0123456789abcdef" for name in ("voice", "digital")}


class PacedClock(SteppedClock):
    """Waits pass at once, but leave the processor to the others."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0.02)
        await super().sleep(seconds)


class Estate:
    """Repositories by name, each with an organisation of its own, and the configuration that lists them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder, monkeypatch
        self._clock = PacedClock()
        self.worlds: dict[str, World] = {}
        self.entries: list[dict[str, object]] = []
        monkeypatch.setenv("GENESYS_SECRET", SECRET)

    def add(self, name: str, organization: str = "", **entry: object) -> World:
        """A repository with one flow; its organisation has the repository's name unless another one is given."""
        (self.folder / name).mkdir()
        world = self.worlds[name] = World(self.folder / name, self._clock)
        self.describe(world, organization or name, client=name)
        world.flow("front", inbound("Front"))
        world.commit()
        self.entries.append({"name": name, "url": str(world.remote), **entry})
        return world

    def describe(self, world: World, organization: str, client: str) -> None:
        """Rewrite the manifest of the organisation."""
        self._monkeypatch.setenv(f"GENESYS_{client.upper()}", client)
        file = world.clone / "organization.yaml"
        document = yaml.safe_load(file.read_text())
        document["metadata"]["name"] = organization
        secret = {"clientId": {"env": f"GENESYS_{client.upper()}"}, "clientSecret": {"env": "GENESYS_SECRET"}}
        document["spec"]["credentials"] = secret
        file.write_text(yaml.safe_dump(document))

    def _connect(self, endpoint: object, dialect: str, client_id: str, *rest: object, **options: object) -> object:
        """Each client leads to the organisation of its own simulator."""
        return connect(endpoint, dialect, "penstock", *rest, http=self.worlds[client_id].http, **options)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Running]:
        """The controller with what the configuration says now."""
        config = self.folder / "configuration.yaml"
        document = {"apiVersion": "penstock/v1", "kind": "Configuration", "repositories": self.entries}
        config.write_text(yaml.safe_dump(document))
        services = next(iter(self.worlds.values())).services
        services.settings = services.settings.model_copy(
            update={
                "http_address": "127.0.0.1:0",
                "organization_hosts": frozenset({"127.0.0.1"}),
                "config": config,
                "poll_interval": 5.0,
                "repository_entries": FILES,
            }
        )
        services.connect = self._connect
        made = Running(services, 3600.0)
        sources = git_sources(services.settings, services.clock, self.folder / "work")
        made.controller = Controller(services, sources, made.stop)
        task = asyncio.create_task(made.controller.run())
        try:
            yield made
        finally:
            made.stop.set()
            await asyncio.wait_for(task, PATIENCE_S)

    async def close(self) -> None:
        for world in self.worlds.values():
            await world.close()


@pytest.fixture
async def estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Estate]:
    made = Estate(tmp_path, monkeypatch)
    yield made
    await made.close()


def fault(service: Running, name: str) -> str:
    found = status_document(service.controller.board, {}, None).repositories
    return next(each.fault or "" for each in found if each.name == name)


def live(world: World) -> str | None:
    return world.live("inboundcall", "Front") if list(world.simulator.organization.flows()) else None


def message(service: Running, organization: str) -> str:
    return next((each.message for each in service.controller.board.entries() if each.organization == organization), "")


def listed(world: World) -> set[str]:
    return {view.organization for view in world.services.store.views.organizations()}


def laughs() -> str:
    """A few lines of YAML that would be a billion values."""
    lines = ["apiVersion: penstock/v1", "kind: Flow", "a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "\n".join(lines) + "\n"


async def test_every_commit_of_the_good_one_is_delivered_whatever_the_others_are_like(estate: Estate) -> None:
    estate.entries.append({"name": "unreachable", "url": str(estate.folder / "nowhere.git")})
    mistaken = estate.add("mistaken")
    mistaken.manifest("front", source={"file": "nowhere.yaml"})
    mistaken.commit()
    gone = estate.add("gone", branch="main")
    gone.git("--git-dir", str(gone.remote), "branch", "--move", "main", "other")
    estate.entries.append(
        {"name": "locked", "url": str(gone.remote), "credentials": {"token": {"file": "/nowhere/token"}}}
    )
    huge = estate.add("huge")
    for number in range(FILES):
        (huge.clone / f"{number}.txt").touch()
    huge.commit()
    hostile = estate.add("hostile")
    (hostile.clone / "laughs.yaml").write_text(laughs())
    hostile.commit()
    good = estate.add("good")
    async with estate.running() as service:
        for number in range(1, 4):
            await service.until(lambda number=number: live(good) == f"{number}.0", f"commit {number} is delivered")
            good.flow("front", inbound("Front", says=f"Number {number + 1}"))
            good.commit()
        await service.until(lambda: live(good) == "4.0", "the last commit is delivered")
        faults = {each.name: fault(service, each.name) for each in service.controller.repositories}
        text = generate_latest(service.controller.metrics.registry).decode()
        assert service.controller.board.ready, "the broken ones are faults of their own"

    assert "nowhere.git" in faults["unreachable"]
    assert "nowhere.yaml" in faults["mistaken"]
    assert "main" in faults["gone"]
    assert "/nowhere/token" in faults["locked"]
    assert f"more than {FILES}" in faults["huge"]
    assert "laughs.yaml" in faults["hostile"]
    assert faults["good"] == ""
    assert [live(world) for world in (mistaken, gone, huge, hostile)] == [None] * 4
    assert 'penstock_revision_fault{repository="good"} 0.0' in text
    for name in ("unreachable", "mistaken", "gone", "locked", "huge", "hostile"):
        assert f'penstock_revision_fault{{repository="{name}"}} 1.0' in text


async def test_an_organisation_that_two_repositories_describe_belongs_to_the_first(estate: Estate) -> None:
    voice, digital = estate.add("voice", "production"), estate.add("digital", "production")
    estate.describe(digital, "production", client="voice")
    digital.flow("front", inbound("Front", says="Of the other one"))
    digital.commit()
    async with estate.running() as service:
        await service.until(lambda: fault(service, "digital"), "the second one has a fault")
        await service.until(lambda: live(voice) == "1.0", "the first one is delivered")
        assert fault(service, "digital") == (
            "the organisation production is not delivered from the repository digital: it belongs to the repository "
            "voice (describe it in one of them only)"
        )
        assert fault(service, "voice") == ""

        estate.describe(digital, "renamed", client="voice")
        digital.commit()
        await service.until(lambda: "as production" in fault(service, "digital"), "another name is no way around it")

        estate.describe(digital, "digital", client="digital")
        digital.commit()
        await service.until(lambda: live(digital) == "1.0", "an organisation of its own is delivered")
        assert fault(service, "digital") == ""
    assert live(voice) == "1.0"


async def test_an_organisation_moves_to_another_repository_with_its_record(estate: Estate) -> None:
    voice, digital = estate.add("voice", "production"), estate.add("digital", "production")
    estate.describe(digital, "production", client="voice")
    digital.flow("front", inbound("Front", says="Moved"))
    digital.commit()
    async with estate.running() as service:
        await service.until(lambda: service.status("production") is SyncStatus.SYNCED, "the first one delivers it")
        await service.until(lambda: fault(service, "digital"), "the second one has a fault")
        estate.worlds["spare"] = digital
        estate.describe(voice, "spare", client="spare")
        voice.commit()
        await service.until(lambda: fault(service, "digital") == "", "it belongs to the second one now")
        await service.until(lambda: "penstock/records is gone" in message(service, "production"), "it has no record")
        assert live(voice) == "1.0"

        digital.git("fetch", "--quiet", str(voice.remote), RECORDS)
        digital.git("push", "--quiet", "origin", f"FETCH_HEAD:refs/heads/{RECORDS}")
        await service.until(lambda: live(voice) == "2.0", "with its record it is delivered from there")


async def test_an_organisation_waits_for_the_repository_that_delivered_it_before(estate: Estate) -> None:
    voice, digital = estate.add("voice", "production"), estate.add("digital", "production")
    estate.describe(digital, "production", client="voice")
    digital.flow("front", inbound("Front", says="Of the other one"))
    digital.commit()
    async with estate.running() as service:
        await service.until(lambda: service.status("production") is SyncStatus.SYNCED, "the first one delivers it")
    away = voice.remote.with_name("away.git")
    voice.remote.rename(away)
    async with estate.running() as service:
        await service.until(lambda: fault(service, "voice"), "the first one cannot be read")
        await service.until(lambda: "the repository voice, which comes first" in fault(service, "digital"), "refused")
        assert live(voice) == "1.0"
        away.rename(voice.remote)
        await service.until(lambda: service.status("production") is SyncStatus.SYNCED, "the first one is back")
        await service.until(lambda: "it belongs to the repository voice" in fault(service, "digital"), "as before")
    assert live(voice) == "1.0"


async def test_what_a_repository_may_describe_is_the_operators_decision(estate: Estate) -> None:
    voice = estate.add("voice", "production", organizations=["prod*"])
    other = estate.add("digital", "secret", organizations=["digital-*", "web"])
    async with estate.running() as service:
        await service.until(lambda: live(voice) == "1.0", "what matches is delivered")
        await service.until(lambda: fault(service, "digital"), "the other one has a fault")
        assert "the repository digital may describe digital-*, web only" in fault(service, "digital")
        assert [each.organization for each in service.controller.board.entries()] == ["production"]
    assert live(other) is None


async def test_a_repository_names_only_the_credentials_that_the_operator_gives_it(estate: Estate) -> None:
    estate.add("voice", credentialVariables=["GENESYS_VOICE", "GENESYS_SECRET"])
    digital = estate.add("digital", credentialVariables=["GENESYS_DIGITAL", "GENESYS_SECRET"])
    estate.describe(digital, "borrowed", client="voice")
    digital.commit()
    async with estate.running() as service:
        await service.until(lambda: service.entry("borrowed"), "it was looked at")
        assert "may not name the environment variable GENESYS_VOICE" in message(service, "borrowed")
        await service.until(lambda: service.status("voice") is SyncStatus.SYNCED, "the owner is delivered")


async def test_a_repository_is_added_and_removed_at_a_restart(estate: Estate) -> None:
    voice, digital = estate.add("voice"), estate.add("digital")
    first, second = estate.entries
    estate.entries = [first]
    async with estate.running() as service:
        await service.until(lambda: live(voice) == "1.0", "the only one is delivered")
        assert live(digital) is None
    estate.entries = [second, first]
    async with estate.running() as service:
        await service.until(lambda: live(digital) == "1.0", "the new one is delivered")
    unreachable = {"name": "unreachable", "url": str(estate.folder / "nowhere.git")}
    shutil.rmtree(voice.remote)
    estate._clock.advance(2 * 24 * 3600)
    estate.entries = [second, unreachable]
    async with estate.running() as service:
        await service.until(lambda: fault(service, "unreachable"), "one cannot be read")
        await service.until(lambda: service.entry("digital"), "the rest goes on")
        assert listed(voice) == {"digital", "voice"}, "the one that was not read may describe it"
    estate.entries = [second]
    async with estate.running() as service:
        await service.until(lambda: service.entry("digital"), "the rest goes on")
        assert service.controller.board.fault is None
        assert listed(voice) == {"digital"}


async def test_a_message_wakes_only_the_repository_whose_secret_signed_it(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, secret in WEBHOOK.items():
        monkeypatch.setenv(f"{name.upper()}_HOOK", secret)
        entry = {"webhookSecret": {"env": f"{name.upper()}_HOOK"}}
        estate.add(name, **entry)
    async with estate.running() as service:
        woken: list[str] = []
        for repository in service.controller.repositories:
            monkeypatch.setattr(repository._feed, "pushed", partial(_woken, woken, repository.name))
        app = Starlette(routes=service.controller._webhooks())
        paths = {name: str(world.remote).strip("/").removesuffix(".git") for name, world in estate.worlds.items()}
        sent = [
            (signer, about, await _push(app, WEBHOOK[signer], paths[about])) for signer in WEBHOOK for about in WEBHOOK
        ]
    assert sent == [
        ("voice", "voice", 202),
        ("voice", "digital", 200),
        ("digital", "voice", 200),
        ("digital", "digital", 202),
    ]
    assert woken == ["voice", "digital"]


def _woken(woken: list[str], name: str, _branch: str) -> bool:
    woken.append(name)
    return True


async def _push(app: Starlette, secret: str, path: str) -> int:
    body = json.dumps({"ref": "refs/heads/main", "repository": {"full_name": path}}).encode()
    headers = {
        "x-github-event": "push",
        "x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest(),
    }
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://controller") as client:
        return (await client.post("/webhooks/github", content=body, headers=headers)).status_code
