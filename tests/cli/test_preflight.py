"""`penstock preflight` against a served organisation: what would keep a delivery out, told before it begins."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog
import yaml

from controller.cli.commands.preflight import preflight
from controller.cli.main import configure_logs
from controller.cli.options import TextOrJson
from controller.domain.clock import SystemClock
from controller.simulator.serve import running
from controller.simulator.settings import SimulatedClient
from controller.simulator.simulator import Simulator
from tests.support.clock import ShiftedClock
from tests.support.shell import Shell

GATE = {"errorRate": {"window": "15m", "minimumSamples": 50, "max": "2%"}}
EVERYTHING = frozenset(
    {
        "architect:dependencyTracking:view",
        "architect:flow:add",
        "architect:flow:edit",
        "architect:flow:publish",
        "architect:flow:unlock",
        "architect:flow:view",
        "architect:flowInstance:search",
        "architect:flowLogLevel:view",
        "architect:flowLogLevelDefault:view",
        "architect:flowinstanceexecutiondata:view",
        "architect:job:create",
        "architect:job:view",
        "architect:jobExport:create",
        "architect:jobExport:view",
        "architect:jobValidate:create",
        "architect:jobValidate:view",
    }
)


@pytest.fixture
def simulator() -> Simulator:
    return Simulator()


@pytest.fixture
def shell(simulator: Simulator, tmp_path: Path) -> Iterator[Shell]:
    with running(simulator) as url:
        made = Shell(tmp_path, url)
        watch_errors(made)
        yield made


At = Callable[[int], Shell]


@pytest.fixture
def simulated_at(tmp_path: Path) -> Iterator[At]:
    """An organisation whose clock is so many seconds ahead of this machine's, or behind it."""
    with contextlib.ExitStack() as stack:

        def simulated(ahead_s: int) -> Shell:
            clock = ShiftedClock(SystemClock(), timedelta(seconds=ahead_s))
            made = Shell(tmp_path, stack.enter_context(running(Simulator(clock))))
            watch_errors(made)
            return made

        yield simulated


def change(file: Path, **spec: object) -> None:
    document = yaml.safe_load(file.read_text())
    document["spec"] |= spec
    file.write_text(yaml.safe_dump(document))


def watch_errors(shell: Shell) -> None:
    """The front flow gets a gate, so that execution data is needed."""
    change(shell.folder / "front.yaml", gates=[GATE])


Look = Callable[[Shell], tuple[int, dict]]


@pytest.fixture
def look(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Look]:
    """The command's own function in this process, because a process for each question takes long."""

    def ask(shell: Shell) -> tuple[int, dict]:
        for name, value in shell.environment.items():
            monkeypatch.setenv(name, value)
        configure_logs("warning", "text")
        capsys.readouterr()
        code = preflight(shell.folder, output=TextOrJson.JSON)
        document = json.loads(capsys.readouterr().out)
        assert document["schema"] == "penstock.preflight/v1"
        [organization] = document["organizations"]
        return code, organization

    yield ask
    structlog.reset_defaults()  # the command lets logs go to a stream that ends with the test


def verdicts(organization: dict) -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in organization["checks"]}


def check(organization: dict, name: str) -> dict:
    [found] = [each for each in organization["checks"] if each["name"] == name]
    return found


def test_an_organisation_that_permits_everything_is_ready(shell: Shell, simulator: Simulator, look: Look) -> None:
    code, organization = look(shell)
    assert (code, organization["ready"], organization["dialect"]) == (0, True, "architect")
    assert set(verdicts(organization).values()) == {"ok"}
    assert organization["missing_permissions"] == organization["unproven_permissions"] == []
    assert (organization["execution_data"], organization["dependency_index"]) == (True, "OPERATIONAL")
    assert organization["rate_limit_per_minute"] == 300
    assert abs(organization["clock_skew_s"]) < 5
    assert simulator.calls.count("POST") == simulator.calls.count("POST", "/oauth/token")


def test_people_see_a_table(shell: Shell) -> None:
    done = shell.run("preflight")
    assert done.returncode == 0
    assert done.stdout.startswith("acme (architect): ready")
    for words in ("login and API", "request limit", "clock", "permissions", "execution data", "dependency index"):
        assert words in done.stdout


def test_a_client_that_has_just_what_the_manifests_need_is_ready(
    shell: Shell, simulator: Simulator, look: Look
) -> None:
    simulator.clients["penstock"] = SimulatedClient("penstock", "penstock-secret", permissions=EVERYTHING)
    code, organization = look(shell)
    assert (code, organization["missing_permissions"], organization["unproven_permissions"]) == (0, [], [])


@pytest.mark.parametrize("missing", ["architect:flow:publish", "architect:flowInstance:search"])
def test_a_missing_permission_is_named(shell: Shell, simulator: Simulator, missing: str, look: Look) -> None:
    simulator.clients["penstock"] = SimulatedClient("penstock", "penstock-secret", permissions=EVERYTHING - {missing})
    code, organization = look(shell)
    assert (code, organization["ready"]) == (1, False)
    assert organization["missing_permissions"] == [missing]
    assert missing in check(organization, "permissions")["message"]
    assert "role" in check(organization, "permissions")["hint"]


def test_people_are_told_what_is_missing_too(shell: Shell, simulator: Simulator) -> None:
    few = EVERYTHING - {"architect:flow:publish", "architect:job:create"}
    simulator.clients["penstock"] = SimulatedClient("penstock", "penstock-secret", permissions=few)
    done = shell.run("preflight")
    assert done.returncode == 1
    assert done.stdout.startswith("acme (architect): not ready")
    told = " ".join(done.stdout.split())
    assert "architect:flow:publish" in told
    assert "architect:job:create" in told


def test_a_wrong_secret_is_told_without_showing_it(shell: Shell, look: Look) -> None:
    shell.environment["ACME_SECRET"] = "not-the-secret-at-all"
    code, organization = look(shell)
    assert (code, organization["ready"]) == (1, False)
    assert verdicts(organization) == {"login and API": "failed"}
    assert "client id and secret" in check(organization, "login and API")["hint"]
    done = shell.run("preflight")
    assert done.returncode == 1
    assert "not-the-secret-at-all" not in done.stdout + done.stderr


def test_what_a_missing_permission_leaves_unknown_is_said_in_a_few_words(
    shell: Shell, simulator: Simulator, look: Look
) -> None:
    hidden = {"architect:flowinstanceexecutiondata:view", "architect:dependencyTracking:view"}
    simulator.clients["penstock"] = SimulatedClient("penstock", "penstock-secret", permissions=EVERYTHING - hidden)
    code, organization = look(shell)
    assert (code, organization["missing_permissions"]) == (1, ["architect:dependencyTracking:view"])
    assert (organization["execution_data"], organization["dependency_index"]) == (None, None)
    for name in ("execution data", "dependency index"):
        unknown = check(organization, name)
        assert unknown["verdict"] == "unknown"
        assert unknown["message"] in {f"cannot be told without {permission}" for permission in hidden}
        assert "grant the client this permission" in unknown["hint"]


def test_before_any_login_every_permission_is_unproven(
    shell: Shell, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell.environment["ACME_SECRET"] = "wrong"
    _, refused = look(shell)
    del shell.environment["ACME_SECRET"]
    monkeypatch.delenv("ACME_SECRET")
    _, unset = look(shell)
    assert "architect:flow:publish" in unset["unproven_permissions"]
    assert unset["unproven_permissions"] == refused["unproven_permissions"]
    assert verdicts(unset) == {"credentials": "failed"}


def test_a_credential_that_is_not_set_is_named(shell: Shell) -> None:
    del shell.environment["ACME_SECRET"]
    done = shell.run("preflight")
    assert done.returncode == 1
    assert "the environment variable ACME_SECRET is not set" in " ".join((done.stdout + done.stderr).split())


def test_a_credential_that_is_set_and_empty_is_not_called_not_set(shell: Shell) -> None:
    shell.environment["ACME_SECRET"] = ""
    done = shell.run("preflight")
    assert done.returncode == 1
    assert "the environment variable ACME_SECRET is empty" in " ".join((done.stdout + done.stderr).split())


def test_execution_data_that_are_off_are_a_warning(shell: Shell, simulator: Simulator, look: Look) -> None:
    simulator.organization.state.execution_data.enabled = False
    code, organization = look(shell)
    assert (code, organization["execution_data"]) == (0, False)
    assert check(organization, "execution data")["verdict"] == "warning"
    assert "error-rate gates" in check(organization, "execution data")["message"]


def test_execution_data_are_told_where_no_gate_needs_them_too(shell: Shell, simulator: Simulator, look: Look) -> None:
    change(shell.folder / "front.yaml", gates=[])
    _, on = look(shell)
    simulator.organization.state.execution_data.enabled = False
    _, off = look(shell)
    assert (on["execution_data"], off["execution_data"]) == (True, False)
    assert (on["log_level"], off["log_level"]) == ("All", None)


@pytest.mark.parametrize(("ahead_s", "way"), [(3600, "ahead of"), (-3600, "behind")])
def test_a_clock_that_is_far_off_is_a_warning(simulated_at: At, look: Look, ahead_s: int, way: str) -> None:
    code, organization = look(simulated_at(ahead_s))
    assert (code, organization["ready"]) == (0, True)
    assert organization["clock_skew_s"] == pytest.approx(ahead_s, abs=5)
    clock = check(organization, "clock")
    assert clock["verdict"] == "warning"
    assert re.fullmatch(rf"the organisation's clock is 3[56]\d\d s {way} this machine's", clock["message"])
    assert "correct this machine's clock" in clock["hint"]


@pytest.mark.parametrize("ahead_s", [-20, 20])
def test_a_clock_that_is_a_little_off_is_told_and_fine(simulated_at: At, look: Look, ahead_s: int) -> None:
    _, organization = look(simulated_at(ahead_s))
    assert organization["clock_skew_s"] == pytest.approx(ahead_s, abs=5)
    assert check(organization, "clock")["verdict"] == "ok"
    assert " s " in check(organization, "clock")["message"]


def test_clocks_that_agree_are_said_to(shell: Shell, look: Look) -> None:
    _, organization = look(shell)
    assert check(organization, "clock")["message"] == "the organisation's clock agrees with this machine's"
    assert abs(organization["clock_skew_s"]) <= 2


def test_a_dependency_index_that_needs_a_rebuild_is_a_warning(shell: Shell, simulator: Simulator, look: Look) -> None:
    simulator.organization.state.index.status = "OPERATIONALNEEDSREBUILD"
    code, organization = look(shell)
    assert (code, organization["dependency_index"]) == (0, "OPERATIONALNEEDSREBUILD")
    index = check(organization, "dependency index")
    assert index["verdict"] == "warning"
    assert "nothing that was removed is taken out of use" in index["message"]
    assert "dependencytracking/build" in index["hint"]


def test_a_host_that_does_not_answer_is_named(shell: Shell) -> None:
    with socket.socket() as taken:  # nobody listens there, and nobody else can
        taken.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        change(shell.folder / "organization.yaml", apiUrl=nowhere, loginUrl=nowhere)
        done = shell.run("preflight")
    assert done.returncode == 1
    assert done.stdout.startswith("acme (architect): not ready")
    assert f"{nowhere.removeprefix('http://')} could not be reached" in " ".join(done.stdout.split())


def test_the_versioned_dialect_proves_reads_and_says_what_it_cannot_prove(
    shell: Shell, simulator: Simulator, look: Look
) -> None:
    versioned(shell)
    code, organization = look(shell)
    assert (code, organization["ready"], organization["dialect"]) == (0, True, "versioned")
    assert organization["missing_permissions"] == []
    assert organization["unproven_permissions"] == ["flow:publish", "flow:validate", "flow:write", "routing:flow:write"]
    assert check(organization, "permissions")["message"] == "4 of 8 that are needed are there"
    assert check(organization, "permissions to write")["verdict"] == "unknown"

    few = frozenset({"flow:view", "flow:read"})
    simulator.clients["penstock"] = SimulatedClient("penstock", "penstock-secret", permissions=few)
    code, organization = look(shell)
    assert code == 1
    assert organization["missing_permissions"] == ["flow:version:read", "routing:flow:read"]


def versioned(shell: Shell) -> None:
    change(shell.folder / "organization.yaml", api="versioned")
    for flow, kind in (("front", "inboundcall"), ("hours", "commonmodule")):
        spec = {"type": kind, "name": flow.title(), "source": {"version": "1.0"}, "gates": []}
        change(shell.folder / f"{flow}.yaml", **spec)


def test_every_organisation_is_looked_at_and_one_that_is_not_ready_decides(shell: Shell) -> None:
    (shell.folder / "acme").mkdir()
    for file in list(shell.folder.glob("*.yaml")):
        file.rename(shell.folder / "acme" / file.name)
    second = yaml.safe_load((shell.folder / "acme" / "organization.yaml").read_text())
    second["metadata"]["name"] = "beta"
    second["spec"]["credentials"]["clientSecret"] = {"env": "GENESYS_BETA_SECRET"}
    (shell.folder / "beta").mkdir()
    (shell.folder / "beta" / "organization.yaml").write_text(yaml.safe_dump(second))
    shell.environment["GENESYS_BETA_SECRET"] = "wrong"
    done = shell.run("preflight", "--format", "json")
    organizations = json.loads(done.stdout)["organizations"]
    assert [(each["name"], each["ready"]) for each in organizations] == [("acme", True), ("beta", False)]
    assert done.returncode == 1


def test_probes_that_will_pass_by_the_environments_proxy_are_told_before_a_delivery_depends_on_them(
    shell: Shell, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(shell.folder / "front.yaml", gates=[{"http": {"url": "https://probe.example.com/ivr"}}])
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    direct = look(shell)[1]["checks"]
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")

    code, told = look(shell)
    monkeypatch.setenv("PENSTOCK_GATE_HOSTS", "probe.example.com")
    allowed = look(shell)[1]["checks"]

    [check] = [each for each in told["checks"] if each["name"] == "http gates"]
    assert (code, check["verdict"]) == (0, "warning")
    assert check["message"] == "probe.example.com will be asked without the environment's proxy"
    assert "PENSTOCK_GATE_HOSTS" in check["hint"]
    assert "http gates" not in {each["name"] for each in (*direct, *allowed)}
