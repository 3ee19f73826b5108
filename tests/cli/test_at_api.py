"""Commands with `--server` against the API over a store that passes have filled."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
import uvicorn

from controller.cli.main import run
from controller.domain.clock import SystemClock
from controller.domain.status import SyncStatus
from controller.store.audit import AuditEntry
from controller.store.store import Store
from tests.support.api import DIGEST, OTHER_DIGEST, ServedApi, fill, flow_view, organization_view
from tests.support.commands import run as run_as_process
from tests.support.stores import prepare

CLOCK = SystemClock()


class Laptop:
    """A machine with a token, and nothing else."""

    def __init__(self, api: ServedApi, url: str, folder: Path) -> None:
        self.api = api
        others = ("PENSTOCK_", "XDG_")
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith(others)} | {
            "HOME": str(folder),
            "PENSTOCK_STORE": f"sqlite:///{folder}/none/store.db",
            "PENSTOCK_SERVER": url,
            "PENSTOCK_TOKEN": api.tokens["olga"],
        }
        self.capsys: pytest.CaptureFixture[str] | None = None

    def ask(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A command in this process, with further variables."""
        assert self.capsys is not None
        self.capsys.readouterr()
        with mock.patch.dict(os.environ, self.environment | environment, clear=True):
            code = run(list(words))
        out, err = self.capsys.readouterr()
        return subprocess.CompletedProcess(words, code, out, err)

    def store(self, *words: str) -> str:
        """The output of the same command on the controller's host."""
        done = self.ask(*words, PENSTOCK_SERVER="", PENSTOCK_STORE=f"sqlite:///{self.api.folder / 'api.db'}")
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextlib.contextmanager
def served(folder: Path) -> Iterator[Laptop]:
    """The API of a new store below the folder, and a laptop that asks it."""
    prepare(folder / "api.db")
    listening = socket.create_server(("127.0.0.1", 0))
    with Store.open(f"sqlite:///{folder / 'api.db'}", clock=CLOCK) as store:
        fill(store, CLOCK)
        api = ServedApi(folder, store, CLOCK)
        server = uvicorn.Server(uvicorn.Config(api.app, lifespan="off", log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        (folder / "home").mkdir()
        try:
            yield Laptop(api, f"http://127.0.0.1:{listening.getsockname()[1]}", folder / "home")
        finally:
            server.should_exit = True
            thread.join(timeout=60)
            listening.close()


@pytest.fixture
def laptop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Laptop]:
    with served(tmp_path) as made:
        made.capsys = capsys
        yield made


@pytest.fixture(scope="module")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    with served(tmp_path_factory.mktemp("shared")) as made:
        yield made


@pytest.fixture
def reader(_shared: Laptop, capsys: pytest.CaptureFixture[str]) -> Laptop:
    """For tests that change nothing."""
    _shared.capsys = capsys
    return _shared


def requests(laptop: Laptop) -> list[tuple[str, str, str]]:
    """Who asked for what, and why, oldest first."""
    lines = map(json.loads, laptop.store("audit", "export").splitlines())
    return [
        (each["actor"], each["details"]["verb"], each["details"]["reason"])
        for each in lines
        if (each["action"], each["status"]) == ("request", "success")
    ]


def test_the_status_has_flows_refusals_drift_and_what_runs(reader: Laptop) -> None:
    done = reader.ask("status")

    assert done.returncode == 0
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert "! apply would leave out front-door now: not now; wait [window-closed]" in lines
    assert "opening-hours (version): 4.0 is live" in lines
    assert "node-a is at work on it right now" in lines
    assert "acme: front-door: baking" in lines
    assert "acme: OutOfSync, Progressing, revision 9b1d6f0a4c52; 2 OutOfSync" in lines


def test_as_a_process_it_needs_no_store_and_makes_none(reader: Laptop) -> None:
    home = Path(reader.environment["HOME"])
    done = run_as_process("status", "--format", "json", cwd=home, env=reader.environment)

    (found,) = json.loads(done.stdout)["organizations"]
    assert (done.returncode, found["name"], len(found["flows"])) == (0, "acme", 2)
    assert list(home.iterdir()) == []


def test_all_flows_come_page_by_page(laptop: Laptop) -> None:
    flows = [flow_view(CLOCK, f"flow-{number:04}", f"Flow {number}") for number in range(2_100)]
    laptop.api.store.views.post(organization_view(CLOCK), flows)

    (found,) = json.loads(laptop.ask("status", "--format", "json").stdout)["organizations"]

    assert [each["flow"] for each in found["flows"]] == [each.flow for each in flows]


def test_a_pass_that_found_no_plan_says_why_and_ends_with_1(laptop: Laptop) -> None:
    unknown = organization_view(CLOCK, plan_digest=None, plan=None, message="no answer", sync=SyncStatus.UNKNOWN)
    laptop.api.store.views.post(unknown, [])

    done = laptop.ask("status")

    assert done.returncode == 1
    assert "found no plan: no answer" in done.stdout


def test_a_pass_that_carried_its_plan_out_has_seen_the_organisation(laptop: Laptop) -> None:
    delivered = organization_view(CLOCK, plan_digest=None, plan=None, message="sync succeeded", sync=SyncStatus.SYNCED)
    laptop.api.store.views.post(delivered, [])

    done = laptop.ask("status")

    assert done.returncode == 0
    assert "found no plan" not in done.stdout


def test_an_organisation_that_is_not_there_is_named_with_those_that_are(reader: Laptop) -> None:
    done = reader.ask("status", "--organization", "nobody")

    assert (done.returncode, done.stdout) == (1, "")
    assert "has no organisation nobody" in done.stderr
    assert "there is: acme" in done.stderr


def test_the_audit_log_is_the_same_to_the_byte_over_many_pages(laptop: Laptop) -> None:
    entry = AuditEntry("acme", "publish", "success", "ada", "inboundcall/Front d\u00f6or", details={"a": [1, None]})
    with laptop.api.store.together():
        for number in range(2_050):
            laptop.api.store.audit.append(replace(entry, version=str(number), latency_ms=number / 7))

    exported = laptop.ask("audit", "export")
    assert len(exported.stdout.splitlines()) > 2_050
    assert exported.stdout == laptop.store("audit", "export")
    for words in (("export", "-f", "csv"), ("list", "--limit", "1500"), ("list", "--flow", "Front door")):
        assert laptop.ask("audit", *words).stdout == laptop.store("audit", *words)
    listed = json.loads(laptop.ask("audit", "list", "--limit", "3", "--format", "json").stdout)
    assert listed == json.loads(laptop.store("audit", "list", "--limit", "3", "--format", "json"))


def test_an_approval_is_for_the_plan_that_holds_now(laptop: Laptop) -> None:
    stale = laptop.ask("approve", OTHER_DIGEST, "--reason", "checked")
    assert (stale.returncode, "[plan-stale]" in stale.stderr, stale.stdout) == (3, True, "")

    done = laptop.ask("approve", DIGEST, "--reason", "checked", "--format", "json")
    found = json.loads(done.stdout)
    assert (found["schema"], found["by"], found["digest"]) == ("penstock.approval/v1", "olga", DIGEST)
    assert laptop.api.store.approvals.of("acme", DIGEST) is not None
    assert requests(laptop) == [("olga", "approve", "checked")]


def test_a_suspension_holds_until_it_is_lifted(laptop: Laptop) -> None:
    done = laptop.ask("suspend", "--reason", "an outage")
    assert done.stdout.startswith("acme: suspended by olga at ")
    assert "an outage" in laptop.ask("status").stdout

    assert laptop.ask("resume", "--reason", "it is over").stdout == "acme: deliveries may begin again\n"
    assert laptop.api.store.suspensions.of("acme") is None
    assert requests(laptop) == [("olga", "suspend", "an outage"), ("olga", "resume", "it is over")]


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (("sync", "--digest", DIGEST), ("sync", None, None)),
        (("retry", "front-door"), ("retry", "front-door", None)),
        (("rollback", "front-door", "--to", "6.0"), ("rollback", "front-door", "6.0")),
    ],
)
def test_an_action_waits_in_the_controllers_store(
    laptop: Laptop, words: tuple[str, ...], asked: tuple[str, str | None, str | None]
) -> None:
    done = laptop.ask(*words, "--reason", "now")

    (action,) = laptop.api.store.actions.recent("acme")
    assert done.returncode == 0, done.stderr
    assert (action.verb.value, action.flow, action.version) == asked
    assert (action.by, action.reason) == ("olga", "now")
    assert f"(action {action.id})" in done.stdout


@pytest.mark.parametrize("words", [("sync",), ("suspend",), ("approve", DIGEST), ("rollback", "front-door")])
def test_nothing_is_asked_for_without_a_reason(reader: Laptop, words: tuple[str, ...]) -> None:
    for reason in ((), ("--reason", " ")):
        done = reader.ask(*words, *reason)
        assert (done.returncode, "say why" in done.stderr) == (1, True)
    assert requests(reader) == []


@pytest.mark.parametrize(("person", "code"), [("rita", "forbidden"), (None, "unauthenticated")])
def test_who_may_not_is_refused_with_the_reason_as_json(reader: Laptop, person: str | None, code: str) -> None:
    token = "" if person is None else reader.api.tokens[person]
    words = ("suspend", "--reason", "mine", "--organization", "acme", "--format", "json")
    done = reader.ask(*words, PENSTOCK_TOKEN=token)

    found = json.loads(done.stdout)
    assert (done.returncode, found["schema"], found["code"]) == (3, "penstock.error/v1", code)
    assert reader.api.store.suspensions.of("acme") is None


def test_one_of_several_organisations_is_named(laptop: Laptop) -> None:
    laptop.api.store.views.post(organization_view(CLOCK, "branch office"), [])

    unnamed = laptop.ask("suspend", "--reason", "an outage")
    assert unnamed.returncode == 1
    assert "there are acme, branch office" in unnamed.stderr

    assert laptop.ask("suspend", "--reason", "an outage", "--organization", "branch office").returncode == 0
    assert laptop.api.store.suspensions.of("branch office") is not None
    assert laptop.api.store.suspensions.of("acme") is None


@pytest.mark.parametrize("words", [("approve", DIGEST), ("rollback", "front-door", "--reason", "x")])
def test_a_store_is_not_chosen_where_a_controller_is_asked(reader: Laptop, words: tuple[str, ...]) -> None:
    done = reader.ask(*words, "--this-store")

    assert (done.returncode, done.stdout) == (1, "")
    assert "is about the store of PENSTOCK_STORE" in done.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("rollback", "front-door", "--wait"), "goes with --server"),
        (("sync", "--reason", "x"), "use `penstock apply`"),
        (("retry", "front-door", "--reason", "x"), "use `penstock apply --retry`"),
    ],
)
def test_without_a_controller_it_says_what_to_use(reader: Laptop, words: tuple[str, ...], says: str) -> None:
    done = reader.ask(*words, PENSTOCK_SERVER="")

    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
