"""What happens to organisations in a week: pushes, drift, faults, messages, people, and one that comes and goes."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import httpx
import yaml

from controller.genesys.connect import connect
from controller.reconcile.delivering import open_delivery
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.simulator.app import create_app
from controller.simulator.control import EDITS, UserEdit, person
from controller.simulator.faults import Fault
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from controller.store.store import Store
from tests.support.organizations import Network
from tests.support.sources import inbound, module
from tests.support.world import SECRET, World

RESIDENTS = ("acme", "voice")
GUEST = "guest"
"""The organisation that comes and goes, each time with another OAuth client."""
FLOWS = {"hours": "Hours", "front": "Front", "desk": "Desk"}
_PAGES = ("/", "/organizations/acme", "/organizations/acme/flows", "/status", "/metrics", "/healthz", "/api/v1/flows")
_KEPT_HISTORY, _LOGGED_CALLS = 30, 100


class Life:
    """The world around a controller. Each event is a method; `happen` chooses one."""

    def __init__(self, world: World, settings: Settings, store: Store, seed: int) -> None:
        self.world = world
        self.random = random.Random(seed)
        self.happened: Counter[str] = Counter()
        self.simulators = {name: self._simulator(name) for name in (*RESIDENTS, GUEST)}
        places: dict[str, httpx.AsyncBaseTransport] = {
            _url(name): httpx.ASGITransport(create_app(simulator)) for name, simulator in self.simulators.items()
        }
        self.settings = settings
        self.services = Services(
            settings, store, world.clock, partial(connect, http=Network(places)), open_delivery=open_delivery
        )
        self._guests = 0
        self._number = 0
        self._describe()

    def _simulator(self, name: str) -> Simulator:
        made = Simulator(self.world.clock, SimulatorSettings(organization=name, rate_limit_per_minute=3000))
        made.calls.most = _LOGGED_CALLS
        return made

    def _describe(self) -> None:
        (self.world.clone / "organization.yaml").unlink()
        for name, heal in zip(RESIDENTS, (True, False), strict=True):
            self._organization(name, "ACME_ID", heal=heal)
        self._change(FLOWS)
        self.world.commit()

    def _organization(self, name: str, client: str, *, heal: bool) -> None:
        credentials = {"clientId": {"env": client}, "clientSecret": {"env": "ACME_SECRET"}}
        where = {"apiUrl": _url(name), "loginUrl": _url(name), "credentials": credentials}
        self._write(name, "organization.yaml", "Organization", name, {**where, "sync": {"heal": heal}})
        for flow in FLOWS:
            spec: dict[str, object] = {"source": {"file": f"../flows/{flow}.yaml"}}
            self._write(name, f"{flow}.yaml", "Flow", flow, {**spec, "rollout": {"bake": "2m"}})

    def _write(self, folder: str, file: str, kind: str, name: str, spec: Mapping[str, object]) -> None:
        (self.world.clone / folder).mkdir(exist_ok=True)
        document = {"apiVersion": "penstock/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        (self.world.clone / folder / file).write_text(yaml.safe_dump(document))

    def _change(self, flows: Mapping[str, str]) -> None:
        (self.world.clone / "flows").mkdir(exist_ok=True)
        for flow, name in flows.items():
            self._number += 1
            says = f"Text {self._number}"
            source = module(name, says=says) if flow == "hours" else inbound(name, says=says, calls=["Hours"])
            (self.world.clone / "flows" / f"{flow}.yaml").write_text(source)

    @property
    def has_guest(self) -> bool:
        """Whether the manifests name the organisation that comes and goes."""
        return (self.world.clone / GUEST).exists()

    # What happens.

    async def happen(self, port: int) -> None:
        """One thing; people look at the pages in between."""
        events: Mapping[str, tuple[int, Callable[[], Awaitable[None]]]] = {
            "push": (5, self._push),
            "drift": (4, self._drift),
            "outage": (3, self._outage),
            "failed publish": (2, self._failing_publish),
            "broken manifest": (1, self._broken_manifest),
            "guest": (2, self._guest),
            "people": (8, partial(self._people, port)),
        }
        weights = [weight for weight, _ in events.values()]
        [name] = self.random.choices(list(events), weights)
        await events[name][1]()
        self.happened[name] += 1

    async def _push(self) -> None:
        flow = self.random.choice(list(FLOWS))
        self._change({flow: FLOWS[flow]})
        self.world.commit()

    async def _drift(self) -> None:
        """A person publishes other content."""
        name = self.random.choice(RESIDENTS)
        simulator = self.simulators[name]
        simulator.settle()
        self._number += 1
        for flow in simulator.organization.flows():
            if flow.key.name == "Desk":
                text = inbound("Desk", says=f"By hand {self._number}")
                who = person(simulator.organization, "Ada")
                EDITS["publish"](simulator.organization, UserEdit(flow, who, text, None), self.world.clock.now())

    async def _outage(self) -> None:
        kind = self.random.choice(("http-5xx", "http-429", "reset", "expired-token", "truncated-json"))
        fault = Fault.model_validate({"name": "outage", "kind": kind, "for_s": 600, "rate": 0.5})
        self.simulators[self.random.choice(RESIDENTS)].set_faults(fault)

    async def _failing_publish(self) -> None:
        fault = Fault.model_validate({"name": "failing", "kind": "job-fails", "times": 1})
        self.simulators[self.random.choice(RESIDENTS)].set_faults(fault)
        await self._push()

    async def _broken_manifest(self) -> None:
        self._write("acme", "desk.yaml", "Flow", "desk", {"sauce": {"file": "nowhere.yaml"}})
        self.world.commit()
        await self.world.clock.sleep(900)
        self._organization("acme", "ACME_ID", heal=True)
        self.world.commit()

    async def _guest(self) -> None:
        if self.has_guest:
            shutil.rmtree(self.world.clone / GUEST)
        else:
            self._guests += 1
            await self._new_client(f"guest-{self._guests}")
            self._organization(GUEST, "ACME_GUEST", heal=True)
        self.world.commit()

    async def _new_client(self, client: str) -> None:
        os.environ["ACME_GUEST"] = client
        transport = httpx.ASGITransport(create_app(self.simulators[GUEST]))
        async with httpx.AsyncClient(transport=transport, base_url=_url(GUEST)) as http:
            (await http.post("/_simulator/clients", json={"id": client, "secret": SECRET})).raise_for_status()

    async def _people(self, port: int) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
            for page in _PAGES:
                (await http.get(page, follow_redirects=True)).read()
            with contextlib.suppress(httpx.TransportError):
                async with http.stream("GET", "/api/v1/events") as events:
                    await anext(events.aiter_bytes())

    def forget(self) -> None:
        """Let the simulators drop what is long past: they live in this process, and are not what is measured."""
        for simulator in self.simulators.values():
            simulator.settle()
            state, now = simulator.organization.state, self.world.clock.now()
            state.jobs = {key: job for key, job in state.jobs.items() if not job.finished(now)}
            for flow in state.flows.values():
                del flow.history[:-_KEPT_HISTORY]


def _url(name: str) -> str:
    return f"http://127.0.0.1:{8080 + (*RESIDENTS, GUEST).index(name)}"
