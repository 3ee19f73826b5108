"""The API over a store that passes have filled, without an organisation behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Queue
from threading import Thread

import httpx
import yaml

from controller.domain.clock import Clock, SystemClock
from controller.domain.identity import FlowKey
from controller.domain.status import Health, StepState, SyncStatus
from controller.planning.rendering.document_model import PlanDocument
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import Workspace
from controller.service.access.opening import open_access
from controller.service.access.person import Role
from controller.service.access.tokens import new_entry, new_token
from controller.service.api.app import Api, create_api
from controller.service.api.examples import EXAMPLES
from controller.service.api.paths import PREFIX, ApiMount
from controller.service.described import described_in
from controller.service.http import create_app, serve
from controller.service.window import ServiceWindow
from controller.store.audit import AuditEntry
from controller.store.drifts import OpenDrift
from controller.store.records import NewStep, NewSync, SyncState
from controller.store.running import RunningFlow
from controller.store.store import Store
from controller.store.views import FlowView, OrganizationView
from tests.support.patience import PATIENCE_S
from tests.support.service import eventually
from tests.support.shell import free_port

ORGANIZATION = "acme"
PLAN = EXAMPLES[PlanDocument]["organizations"][0]
DIGEST: str = PLAN["digest"]
OTHER_DIGEST = "sha256:" + "0" * 64
HOSTILE = '"><script>alert(1)</script>\r\nSet-Cookie: a=b\u2028\u202e\x7f %00 ../ \U0001f9e8 \ud800'
"""A name with all that breaks pages, headers, paths and encodings; JSON has it all."""


@dataclass
class ServedApi:
    """The API with three people: one who reads, one who operates, and one who operates in another organisation."""

    folder: Path
    store: Store
    clock: Clock
    workspace: Workspace | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    services: Services | None = None
    loop: asyncio.AbstractEventLoop | None = None
    """Where it is served by `serving`."""

    def __post_init__(self) -> None:
        path = self.folder / "tokens.yaml"
        self.tokens: dict[str, str] = {}
        entries = []
        for name, role, where in (
            ("rita", Role.READ, ()),
            ("olga", Role.OPERATE, ()),
            ("elsa", Role.OPERATE, ("elsewhere",)),
        ):
            self.tokens[name] = new_token()
            entries.append(new_entry(self.tokens[name], name, role, where, None).model_dump(mode="json"))
        path.write_text(yaml.safe_dump({"tokens": entries}), encoding="utf-8")
        path.chmod(0o600)
        settings = Settings(tokens_file=path, read_access="token", public_url="https://penstock.example")
        services = self.services or Services(settings, self.store, self.clock)
        self.access = open_access(settings, self.store, self.clock)
        self.window = ServiceWindow(
            services, lambda: described_in(self.workspace, services), lambda _organization, _reason: None, self.access
        )
        self.api: Api = create_api(self.window, self.stop)
        self.app = create_app([ApiMount(lambda: self.api)], self.window)

    def stop_soon(self) -> None:
        """Tell the service to stop, from another thread than its own."""
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self.stop.set)

    def headers(self, person: str | None) -> dict[str, str]:
        return {} if person is None else {"Authorization": f"Bearer {self.tokens[person]}"}

    @asynccontextmanager
    async def asked_by(self, person: str | None) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(
            transport=transport, base_url=f"https://penstock.example{PREFIX}", headers=self.headers(person)
        ) as client:
            yield client


def organization_view(clock: Clock, name: str = ORGANIZATION, **given: object) -> OrganizationView:
    """What a pass found that planned a change of `front-door`."""
    values: dict[str, object] = {
        "organization": name,
        "kept_as": name,
        "revision": "9b1d6f0a4c52e7830d1f5b6a7c8e9f0011223344",
        "sync": SyncStatus.OUT_OF_SYNC,
        "health": Health.DEGRADED,
        "message": "1 change planned",
        "trigger": "poll",
        "at": clock.now(),
        "looked_fully_at": clock.now(),
        "duration_s": 1.5,
        "flows": {"Healthy": 1, "Degraded": 1},
        "unmanaged": 2,
        "plan_digest": DIGEST,
        "plan": PLAN,
        "warnings": ("a warning",),
        "drift": ({"flow": "opening-hours", "message": "4.0 is live", "version": "4.0", "by": "Linus", "at": None},),
        "held_back": ({"flow": "front-door", "code": "window-closed", "message": "not now", "hint": "wait"},),
        "holder": "node-a",
    }
    return OrganizationView(**values | given)  # type: ignore[arg-type] # one value for each of its fields


def flow_view(clock: Clock, flow: str, name: str, **given: object) -> FlowView:
    """A managed flow that is in sync."""
    values: dict[str, object] = {
        "organization": ORGANIZATION,
        "flow": flow,
        "type": "inboundcall",
        "name": name,
        "labels": {"team": "care"},
        "sync": SyncStatus.SYNCED,
        "health": Health.HEALTHY,
        "wanted": "sha256:" + "7c" * 32,
        "recorded": "7.0",
        "version": "7.0",
        "flow_id": f"id-of-{flow}",
        "change": "none",
        "at": clock.now(),
    }
    return FlowView(**values | given)  # type: ignore[arg-type] # one value for each of its fields


def fill(store: Store, clock: Clock) -> None:
    """Two flows, a delivery that runs, drift, a quarantine, an approval, audit entries."""
    late = {"health": Health.DEGRADED, "message": "the rollback failed", "sync": SyncStatus.OUT_OF_SYNC}
    flows = [
        flow_view(clock, "front-door", "Front door", change="publish", sync=SyncStatus.OUT_OF_SYNC),
        flow_view(clock, "opening-hours", "Opening hours", type="commonmodule", **late),
    ]
    store.views.post(organization_view(clock), flows)
    sync_of(store, [("front-door", FlowKey("inboundcall", "Front door"))])
    store.running.begin(ORGANIZATION, "node-a", step="deliver", trigger="poll")
    now = clock.now()
    store.running.flows(ORGANIZATION, [RunningFlow(ORGANIZATION, "front-door", "publish", "baking", now, now)])
    drift = OpenDrift("commonmodule/Opening hours", "version", "3.0", "4.0", "4.0 is live", now)
    store.drifts.change(ORGANIZATION, (), [drift])
    store.quarantines.add(ORGANIZATION, FlowKey("inboundcall", "Front door"), "sha256:1", "a gate failed")
    store.audit.append(AuditEntry(ORGANIZATION, "publish", "success", "Grace", flow="inboundcall/Front door"))


def sync_of(
    store: Store, flows: Sequence[tuple[str, FlowKey]], *, organization: str = ORGANIZATION, writes: int = 1
) -> int:
    """A delivery of these flows that ended well, with a call for each of the first `writes`; returns its number."""
    lease = store.leases.acquire(organization, "node-a", ttl_s=60.0)
    new = NewSync(organization, "9b1d6f0a", DIGEST, "Grace", "poll", "rollback", author="Grace")
    steps = [
        NewStep(flow, key, "publish", "sha256:7c", "sha256:7c", "sha256:51", (), f"id-of-{flow}", "7.0", None)
        for flow, key in flows
    ]
    sync = store.journal.begin(lease, new, steps)
    for step in sync.steps[:writes]:
        sent = store.journal.intend(lease, step, "publish", {}, state=StepState.PUBLISHING)
        store.journal.advance(lease, sent, StepState.RECORDED, live_version="8.0")
    store.journal.finish(lease, sync.id, SyncState.SUCCEEDED, {"changes": len(steps)})
    store.leases.release(lease)
    return sync.id


@contextmanager
def serving(served: ServedApi) -> Iterator[str]:
    """The API at a port of this machine, served as `penstock run` does; gives the URL of the service."""
    port, loops = free_port(), Queue[asyncio.AbstractEventLoop]()

    async def run() -> None:
        loops.put(asyncio.get_running_loop())
        await serve(served.app, f"127.0.0.1:{port}", served.stop)

    thread = Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    served.loop = loops.get()
    url = f"http://127.0.0.1:{port}"
    eventually(lambda: _answers(url), "the API")
    try:
        yield url
    finally:
        served.stop_soon()
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "the server does not end"


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}{PREFIX}/openapi.json").status_code < 500
    except httpx.TransportError:
        return False


def in_memory() -> Api:
    """The API of an empty store, for its description."""
    with Store.open("sqlite://", clock=SystemClock()) as store:
        services = Services(Settings(), store, SystemClock())
        access = open_access(services.settings, store, services.clock)
        return create_api(
            ServiceWindow(services, lambda: (), lambda _organization, _reason: None, access), asyncio.Event()
        )
