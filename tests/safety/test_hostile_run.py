"""`penstock run` among neighbours that mean harm: what is good goes on, at 60 times the usual pace."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from controller.simulator.serve import running
from controller.simulator.settings import SimulatorSettings
from controller.simulator.simulator import Simulator
from tests.safety.hostile import GATES, ORGANIZATIONS, HalfOpen, Hostile, Memory
from tests.support.patience import PATIENCE_S
from tests.support.service import Service, eventually
from tests.support.sources import inbound
from tests.support.world import World

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1800)]

GOOD = ("east", "north", "west")
MOST_MIB = 300
FASTER = 60
LASTS_S = 35.0
"""Longer than the half minute in which an organisation has to begin its answer."""
CLIENTS = 400
OPEN_FILES = 256
"""What the service may have open at once, which is less than its clients."""


class Estate:
    """One repository: three good organisations, one whose gates are hostile, and several that are hostile."""

    def __init__(self, world: World, urls: dict[str, str], gates: dict[str, str]) -> None:
        self.world = world
        self.urls = urls
        (world.clone / "organization.yaml").unlink()
        (world.clone / "flows").mkdir()
        for name, url in urls.items():
            self._organization(name, url)
        self.say("Hello 0")
        for number, (name, url) in enumerate(gates.items()):
            path = ("$.a", "$..[?@.a == $.b]", "$[*][?@.b != 1]")[number % 3]
            gate = {"url": url, "jsonPath": path, "equals": "never", "timeout": "2s"}
            self._flow("gated", name, gates=[{"http": gate}])

    def say(self, text: str) -> None:
        (self.world.clone / "flows" / "front.yaml").write_text(inbound("Front", says=text))

    def _organization(self, name: str, url: str) -> None:
        folder = self.world.clone / name
        folder.mkdir()
        secret = {"clientId": {"env": "ACME_ID"}, "clientSecret": {"env": "ACME_SECRET"}}
        spec = {"apiUrl": url, "loginUrl": url, "credentials": secret}
        self._write(folder / "organization.yaml", "Organization", name, spec)
        self._flow(name, "front")

    def _flow(self, organization: str, flow: str, **spec: object) -> None:
        if flow != "front":
            (self.world.clone / "flows" / f"{flow}.yaml").write_text(inbound(flow.title()))
        source = {"file": f"../flows/{flow}.yaml"}
        self._write(self.world.clone / organization / f"{flow}.yaml", "Flow", flow, {"source": source, **spec})

    @staticmethod
    def _write(path: Path, kind: str, name: str, spec: dict[str, object]) -> None:
        document = {"apiVersion": "penstock/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        path.write_text(yaml.safe_dump(document))


def placeholder(estate: Estate) -> Callable[[], None]:
    path = estate.world.clone / "broken" / "front.yaml"
    good = path.read_text()
    path.write_text(good + "<todo>: remove me\n")
    return lambda: path.write_text(good) and None


def blank_lines(estate: Estate) -> Callable[[], None]:
    path = estate.world.clone / "notes.yaml"
    path.write_text("\n" * 3000 + "title: notes of the team\n")
    return path.unlink


def endless_expression(estate: Estate) -> Callable[[], None]:
    path = estate.world.clone / "broken" / "front.yaml"
    good = path.read_text()
    gate = {"http": {"url": "https://probe.example.com", "jsonPath": "$[?@.a =~ /(a+)+$/]"}}
    document = yaml.safe_load(good)
    document["spec"]["gates"] = [gate]
    path.write_text(yaml.safe_dump(document))
    return lambda: path.write_text(good) and None


def bad_link(estate: Estate) -> Callable[[], None]:
    path = estate.world.clone / "link.yaml"
    path.symlink_to("/etc/passwd")
    return path.unlink


def aliases(estate: Estate) -> Callable[[], None]:
    """A few lines of YAML that would be a billion values."""
    path = estate.world.clone / "broken" / "laughs.yaml"
    lines = ["apiVersion: penstock/v1", "kind: Flow", "a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    path.write_text("\n".join(lines) + "\n")
    return path.unlink


def bomb(estate: Estate) -> Callable[[], None]:
    """A commit of ten to the power of ten files, which is a few kilobytes for git; it is pushed, and taken back."""
    git = estate.world.git
    blob = git("hash-object", "-w", "flows/front.yaml")
    entries = "".join(f"100644 blob {blob}\tf{number}.yaml\n" for number in range(10))
    for _ in range(9):
        tree = _tree(estate, entries)
        entries = "".join(f"040000 tree {tree}\td{number}\n" for number in range(10))
    sha = git("commit-tree", _tree(estate, entries), "-p", "HEAD", "-m", "bomb")
    git("push", "--quiet", "origin", f"{sha}:main")
    time.sleep(6 * 30 / FASTER)
    git("push", "--quiet", "--force", "origin", "HEAD:main")
    return blank_lines(estate)


def _tree(estate: Estate, entries: str) -> str:
    command = ["git", "mktree"]
    done = subprocess.run(command, cwd=estate.world.clone, check=True, capture_output=True, text=True, input=entries)
    return done.stdout.strip()


HOSTILE = (placeholder, blank_lines, endless_expression, bad_link, aliases, bomb)


def _settings(name: str) -> SimulatorSettings:
    """Each is an organisation of its own: the name makes its id."""
    return SimulatorSettings(organization=name, time_scale=FASTER, rate_limit_per_minute=30_000)


@pytest.fixture
def estate(world: World) -> Iterator[Estate]:
    with contextlib.ExitStack() as stack:
        urls = {name: stack.enter_context(running(Simulator(settings=_settings(name)))) for name in (*GOOD, "gated")}
        hostile = {name: stack.enter_context(Hostile(ways).serving()) for name, ways in ORGANIZATIONS.items()}
        urls |= {name: each.url for name, each in hostile.items()}
        gates = {name: stack.enter_context(Hostile((way,)).serving()) for name, way in GATES.items()}
        made = Estate(world, urls, {name: each.url for name, each in gates.items()})
        yield made
        unasked = [name for name, each in (hostile | gates).items() if not each.asked]
        assert unasked == [], "what was never asked was no neighbour"


@pytest.fixture
def service(estate: Estate, tmp_path: Path) -> Iterator[Service]:
    made = Service(estate.world, estate.urls["east"], tmp_path)
    made.environment |= {
        "PENSTOCK_ORGANIZATION_HOSTS": "127.0.0.1",
        "PENSTOCK_GATE_HOSTS": "127.0.0.1",
        "PENSTOCK_POLL_INTERVAL": str(30 / FASTER),
        "PENSTOCK_DRIFT_INTERVAL": str(300 / FASTER),
        "PENSTOCK_PUBLISH_POLL": str(5 / FASTER),
        "PENSTOCK_JOB_POLL": str(2 / FASTER),
        "PENSTOCK_RATE_LIMIT": "18000",
    }
    estate.world.commit("Begin")
    made.start()
    assert made.process is not None
    resource.prlimit(made.process.pid, resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def good_have(estate: Estate, version: str) -> bool:
    """Whether this version of the front is live in each good organisation; each is asked once those before it are."""
    for name in GOOD:
        flows = httpx.get(f"{estate.urls[name]}/_simulator/flows", timeout=PATIENCE_S).json()["flows"]
        if [flow["published_version"] for flow in flows if flow["name"] == "Front"] != [version]:
            return False
    return True


def test_the_good_are_delivered_every_commit_whatever_the_others_do(estate: Estate, service: Service) -> None:
    assert service.process is not None
    eventually(lambda: good_have(estate, "1.0"), "the first delivery", within_s=150)
    commits, longest_s, begun = 1, 0.0, time.monotonic()
    memory = Memory(service.process.pid)
    with HalfOpen(service.port, CLIENTS).connected(), memory.watched():
        while time.monotonic() - begun < LASTS_S or commits <= len(HOSTILE):
            mend = HOSTILE[commits % len(HOSTILE)](estate)
            estate.world.commit("Mean harm")
            asked = time.monotonic()
            answer = service.get("/healthz")
            longest_s = max(longest_s, time.monotonic() - asked)
            assert answer is not None
            assert answer.text == "ok\n"
            mend()
            estate.say(f"Hello {commits}")
            estate.world.commit("Mend it")
            commits += 1
            eventually(
                lambda wanted=f"{commits}.0": good_have(estate, wanted),
                f"commit {commits}",
                within_s=2 * PATIENCE_S,
                every_s=0.25,
            )
    told = service.get("/status")
    assert told is not None
    by_name = {entry["name"]: entry for entry in told.json()["organizations"]}
    assert {by_name[name]["sync"] for name in ORGANIZATIONS} == {"Unknown"}
    assert {by_name[name]["sync"] for name in GOOD} == {"Synced"}
    assert service.process.poll() is None
    assert memory.most_mib < MOST_MIB
    assert longest_s < 10
    assert service.log.stat().st_size < 20_000_000
    assert service.stop() in (0, -15)
    assert subprocess.run(["pgrep", "-P", str(service.process.pid)], check=False, capture_output=True).stdout == b""
