"""A whole world for scenarios: a git remote, a clone, a simulated organisation and the services of one controller.

Client and simulator talk over ASGI in one process, time is stepped, git is real.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import httpx
import yaml

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.export_estimate import ExportEstimate
from controller.domain.identity import FlowKey
from controller.flows.flow_file import parse
from controller.genesys.connect import connect
from controller.planning.guard import Confirmations
from controller.planning.model import Plan
from controller.planning.rendering.document import plan_json
from controller.questions.status import OrganizationStatus, organization_status
from controller.reconcile.delivering import open_delivery
from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import Mode, PassRequest, Unwatched
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import Workspace, open_folder
from controller.simulator.app import create_app
from controller.simulator.control import EDITS, UserEdit
from controller.simulator.control import person as person_of
from controller.simulator.faults import Fault
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from controller.store.store import Store
from tests.support import remotes
from tests.support.clock import SteppedClock
from tests.support.committing import commit_all
from tests.support.stores import prepare

ORGANIZATION = "acme"
RECORDS = "penstock/records"
URL = "http://127.0.0.1:8080"
SECRET = "penstock-secret"


class Recording(Unwatched):
    """A listener that keeps what it is told, and can raise at a given moment to play a crash."""

    def __init__(self, crash_when: Callable[[DeliveryEvent], bool] = lambda _: False) -> None:
        self.plans: list[Plan] = []
        self.events: list[DeliveryEvent] = []
        self.looks: list[tuple[int, int]] = []
        self.estimates: list[ExportEstimate] = []
        self._crash_when = crash_when

    def looked(self, done: int, total: int) -> None:
        self.looks.append((done, total))

    def exporting(self, estimate: ExportEstimate) -> None:
        self.estimates.append(estimate)

    def planned(self, plan: Plan) -> None:
        self.plans.append(plan)

    def progressed(self, event: DeliveryEvent) -> None:
        self.events.append(event)
        if self._crash_when(event):
            raise Crash(event.name)


class Crash(BaseException):
    """The process dies here."""


@dataclass
class World:
    folder: Path
    clock: SteppedClock = field(default_factory=SteppedClock)
    simulator_settings: SimulatorSettings = field(default_factory=lambda: SimulatorSettings(rate_limit_per_minute=3000))
    spec: dict[str, object] = field(default_factory=dict)
    """Fields of the organisation's `spec` besides where it is and who asks."""
    dialect: str = ARCHITECT

    def __post_init__(self) -> None:
        self.simulator = Simulator(self.clock, self.simulator_settings)
        self.http = httpx.ASGITransport(app=create_app(self.simulator))
        self.remote, self.clone = self._repositories()
        own = {name: value for name, value in os.environ.items() if name.startswith("PENSTOCK_")}
        store = f"sqlite:///{self.folder / 'store.db'}"
        self.settings = _settings(frozenset(own.items())).model_copy(update={"store": store})
        prepare(self.folder / "store.db")
        self.services = self._services("controller-a")
        self.describe(**self.spec)

    def _repositories(self) -> tuple[Path, Path]:
        return remotes.remote_and_clone(self.folder)

    # What an author does.

    def describe(self, **spec: object) -> None:
        """Write the organisation's manifest."""
        document = {
            "apiVersion": "penstock/v1",
            "kind": "Organization",
            "metadata": {"name": ORGANIZATION},
            "spec": {
                "apiUrl": URL,
                "loginUrl": URL,
                "api": self.dialect,
                "credentials": {"clientId": {"env": "ACME_ID"}, "clientSecret": {"env": "ACME_SECRET"}},
                **spec,
            },
        }
        (self.clone / "organization.yaml").write_text(yaml.dump(document, Dumper=yaml.CSafeDumper), encoding="utf-8")

    def flow(self, flow: str, text: str, /, **spec: object) -> None:
        """Ask for this content, the way the dialect wants it.

        A flow file and its manifest; or a version that a person checks in, and a manifest that pins it.
        """
        if self.dialect == VERSIONED:
            key, version = self._check_in(text)
            self.manifest(flow, type=key.type, name=key.name, source={"version": version}, **spec)
            return
        (self.clone / "flows").mkdir(exist_ok=True)
        (self.clone / "flows" / f"{flow}.yaml").write_text(text, encoding="utf-8")
        self.manifest(flow, source={"file": f"flows/{flow}.yaml"}, **spec)

    def manifest(self, flow: str, /, **spec: object) -> None:
        document = {"apiVersion": "penstock/v1", "kind": "Flow", "metadata": {"name": flow}, "spec": spec}
        (self.clone / f"{flow}.yaml").write_text(yaml.dump(document, Dumper=yaml.CSafeDumper), encoding="utf-8")

    def remove(self, name: str) -> None:
        (self.clone / f"{name}.yaml").unlink()

    def commit(self, message: str = "Change what we want") -> str:
        """Commit everything and push it; returns the revision."""
        before = remotes.tip(self.clone / ".git")
        commit_all(self.clone, message)
        sha = remotes.tip(self.clone / ".git")
        if sha is not None and remotes.push(self.clone, self.remote, sha, "refs/heads/main", old=before):
            return sha
        try:
            self.git("push", "--quiet", "origin", "HEAD:main")
        except subprocess.CalledProcessError:
            self.git("pull", "--quiet", "--rebase", "origin", "main", check=False)
            self.git("push", "--quiet", "origin", "HEAD:main")
        return self.git("rev-parse", "HEAD")

    def _fetch(self) -> None:
        if not remotes.fetch(self.remote, self.clone):
            self.git("fetch", "--quiet", "origin")

    def git(self, *arguments: str, check: bool = True) -> str:
        return self._git(self.clone, *arguments, check=check)

    @staticmethod
    def _git(folder: Path, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(["git", *arguments], cwd=folder, check=check, capture_output=True, text=True, timeout=60)
        return done.stdout.strip()

    # What somebody does in Architect.

    def by_hand(self, deed: str, flow_type: str, name: str, text: str | None = None, person: str = "Ada") -> None:
        """Publish, lock, delete, ... past git, as a named person."""
        flow = self.simulator.flow(flow_type, name)
        who = person_of(self.simulator.organization, person)
        EDITS[deed](self.simulator.organization, UserEdit(flow, who, text, None), self.clock.now())

    def _check_in(self, text: str, person: str = "Ada") -> tuple[FlowKey, str]:
        """Save the content as the flow's next version, without publishing it."""
        organization, now = self.simulator.organization, self.clock.now()
        key, author = parse(text).key, person_of(self.simulator.organization, person)
        flow = organization.find(key) or organization.create(key, author, now)
        return key, organization.add_version(flow, text, author, now).id

    def publish_all_by_hand(self) -> None:
        """Everything that git asks for is live before a controller ever looked."""
        if self.dialect == ARCHITECT:
            self.simulator.load_folder(self.clone / "flows")
            return
        for flow in list(self.simulator.organization.flows()):
            self._publish_by_hand(flow.key, flow.versions[-1].id)

    def _publish_by_hand(self, key: FlowKey, version: str) -> None:
        who = person_of(self.simulator.organization, "Ada")
        deed = UserEdit(self.simulator.flow(key.type, key.name), who, None, version)
        EDITS["publish"](self.simulator.organization, deed, self.clock.now())

    # What a controller does.

    async def plan(self, **request: object) -> PassReport:
        return await self.look(Recording(), **request)

    async def look(self, listener: Recording, **request: object) -> PassReport:
        """A plan, of whose making the listener is told."""
        return await self._pass(Mode.PLAN, listener, **request)

    async def apply(
        self, listener: Recording | None = None, *, stopping: Callable[[], bool] = lambda: False, **request: object
    ) -> PassReport:
        report = await self._pass(Mode.APPLY, listener or Recording(), stopping, **request)
        self._fetch()
        return report

    def workspace(self) -> Workspace:
        """What git asks for now."""
        return open_folder(self.clone, self.settings)

    def status(self, report: PassReport) -> OrganizationStatus:
        """How things stand after that look."""
        organization = self.workspace().organization(ORGANIZATION)
        return organization_status(report, organization, self.services)

    async def rollback(self, flow: str, listener: Recording | None = None, **request: object) -> PassReport:
        report = await self._pass(Mode.ROLLBACK, listener or Recording(), flow=flow, actor="ada", **request)
        self._fetch()
        return report

    async def _pass(
        self, mode: Mode, listener: Recording, stopping: Callable[[], bool] = lambda: False, **request: object
    ) -> PassReport:
        async def source() -> Workspace:
            return self.workspace()

        return await run_pass(
            PassRequest(ORGANIZATION, mode, **request),  # type: ignore[arg-type]
            self.services,
            source,
            listener=listener,
            stopping=stopping,
        )

    async def restart(self) -> None:
        """A new process over the same store: nothing in memory survives."""
        await self.services.disconnect()
        self.services.store.close()
        self.services = self._services("controller-a")

    def _services(self, holder: str) -> Services:
        settings = self.settings.model_copy(update={"holder": holder})
        store = Store.open(settings.store, clock=self.clock)
        return Services(settings, store, self.clock, partial(connect, http=self.http), open_delivery=open_delivery)

    async def close(self) -> None:
        await self.services.disconnect()
        self.services.store.close()

    # What the organisation says.

    def live(self, flow_type: str, name: str) -> str | None:
        published = self.simulator.flow(flow_type, name).published
        return published.id if published else None

    def versions(self) -> dict[str, str | None]:
        """`type/name` to published version, of all flows."""
        self.simulator.settle()
        flows = self.simulator.organization.flows()
        return {str(flow.key): flow.published.id if flow.published else None for flow in flows}

    def publishes(self) -> list[str]:
        """`type/name` of every publish that took effect, in order of time."""
        self.simulator.settle()
        happened = [
            (happening.at, str(flow.key))
            for flow in self.simulator.organization.flows(deleted=True)
            for happening in flow.history
            if happening.action.name.lower() == "publish"
        ]
        return [key for _, key in sorted(happened, key=lambda entry: entry[0])]

    def fault(self, kind: str, **fields: object) -> None:
        self.simulator.set_faults(Fault.model_validate({"name": kind, "kind": kind, **fields}))

    def fail_publishes_of(self, name: str) -> None:
        """From now on no publish of that flow succeeds."""
        self.fault("job-fails" if self.dialect == ARCHITECT else "publish-fails", match={"flow": name})

    # What must always be true.

    async def assert_settled(self) -> None:
        """After a successful delivery: nothing left to do, the same plan twice, a record, no secret anywhere."""
        first, second = await self.plan(), await self.plan()
        plan = first.plan_or_raise()
        assert plan.empty, plan_json([plan])
        assert plan_json([plan], everything=True) == plan_json([second.plan_or_raise()], everything=True)
        recorded = first.recorded
        assert recorded is not None
        versions = self.versions()
        for key, entry in recorded.flows.items():
            assert versions[str(key)] == entry.version
        self.assert_no_secret()

    def assert_no_secret(self) -> None:
        """Neither the artifacts nor the store hold the client's secret."""
        self._fetch()
        refs = self.git("for-each-ref", "--format=%(refname)", "refs/remotes/origin/").split()
        held = self.git("grep", "--fixed-strings", "--files-with-matches", SECRET, *refs, check=False)
        assert held == ""
        for file in self.folder.glob("store.db*"):
            assert SECRET.encode() not in file.read_bytes()


@lru_cache
def _settings(_variables: frozenset[tuple[str, str]]) -> Settings:
    """What all worlds have under the same variables; reading it takes a third of making a world."""
    return Settings(rate_limit=3000, notifications=False)


def said(**fields: object) -> Confirmations:
    """What a person said about a plan."""
    return Confirmations(**fields)  # type: ignore[arg-type]
