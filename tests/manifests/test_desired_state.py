"""A repository without mistakes becomes the desired state, every policy in it, defaults included."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.domain.desired import (
    ArtifactsPolicy,
    Credentials,
    CyclePolicy,
    Endpoint,
    ErrorRateGate,
    ExecutionGate,
    HttpGate,
    OnFailure,
    OnLocked,
    OnNoData,
    Origin,
    PinnedVersion,
    Rollout,
    Safety,
    SecretSource,
    SourceFile,
    Stage,
    SyncMode,
    SyncPolicy,
    Window,
    WindowKind,
)
from controller.domain.identity import FlowKey
from controller.flows.canonical import digest
from controller.flows.loading import load_yaml
from tests.manifests.repository import EVERYTHING, FLOW, flow, load, organization, write


def test_every_policy_of_an_organisation_is_read(tmp_path: Path) -> None:
    root = write(tmp_path, {"org/o.yaml": organization(EVERYTHING)})
    (loaded,) = load(root).organizations
    assert loaded.name == "production"
    assert loaded.endpoint == Endpoint("mypurecloud.ie", "https://api.mypurecloud.ie", "https://login.mypurecloud.ie")
    assert loaded.dialect == "architect"
    assert loaded.credentials == Credentials(SecretSource(env="ID"), SecretSource(env="SECRET"))
    assert loaded.origin == Origin("org/o.yaml", 1, 1)
    assert loaded.sync == SyncPolicy(SyncMode.OBSERVE, heal=True, prune=True, on_failure=OnFailure.HALT, concurrency=7)
    assert loaded.windows == (
        Window(WindowKind.ALLOW, "0 8 * * 1-5", 5400.0, "Europe/Dublin"),
        Window(WindowKind.DENY, "*/5 0 1 * *", 90.0, "UTC"),
    )
    assert loaded.safety == Safety(12.5, 7.0, 0, 2)
    assert loaded.on_locked is OnLocked.UNLOCK
    assert loaded.cycles is CyclePolicy.GROUP
    assert loaded.artifacts == ArtifactsPolicy("out/records", "penstock/records")
    assert loaded.suspended is True
    assert loaded.environment == "live"


def test_the_scopes_of_the_versioned_dialect_are_read(tmp_path: Path) -> None:
    text = organization("  api: versioned\n").replace("SECRET}}", "SECRET}, scopes: [flow:view, flow:read]}")
    (loaded,) = load(write(tmp_path, {"o.yaml": text})).organizations
    assert loaded.credentials.scopes == ("flow:view", "flow:read")


def test_what_an_organisation_leaves_out_has_the_defaults_of_the_domain(tmp_path: Path) -> None:
    (loaded,) = load(write(tmp_path, {"o.yaml": organization()})).organizations
    assert (loaded.sync, loaded.windows, loaded.safety) == (SyncPolicy(), (), Safety())
    assert (loaded.on_locked, loaded.cycles) == (OnLocked.FAIL, CyclePolicy.BLOCK)
    assert loaded.artifacts == ArtifactsPolicy()
    assert (loaded.suspended, loaded.flows, loaded.environment) == (False, (), None)


def test_a_flow_takes_its_identity_and_digest_from_its_file(tmp_path: Path) -> None:
    root = write(tmp_path, {"o.yaml": organization(), "f.yaml": f"---\n{flow()}"})
    (loaded,) = load(root).organizations[0].flows
    assert (loaded.id, loaded.key, str(loaded.key)) == (
        "main-ivr",
        FlowKey("inboundcall", "Main IVR"),
        "inboundcall/Main IVR",
    )
    assert loaded.origin == Origin("f.yaml", 2, 1)
    assert isinstance(loaded.source, SourceFile)
    assert loaded.source.file == "flows/ivr.yaml"
    assert loaded.source.text.read() == (root / "flows/ivr.yaml").read_text()
    assert loaded.source.digest == digest(load_yaml(loaded.source.text.read()))
    assert (loaded.rollout, loaded.gates, loaded.depends_on) == (Rollout(), (), ())
    assert (loaded.automatic_rollback, loaded.suspended, loaded.previous_name) == (True, False, None)


def test_every_field_of_a_flow_is_read(tmp_path: Path) -> None:
    nightly = flow("nightly, labels: {a: b}", FLOW, source="{file: flows/workflow.yaml}")
    root = write(tmp_path, {"o.yaml": organization(), "f.yaml": flow(), "g.yaml": nightly})
    loaded = load(root).organizations[0].flows[1]
    assert loaded.labels == {"a": "b"}
    assert loaded.depends_on == ("main-ivr",)
    assert loaded.rollout == Rollout(36000.0)
    assert loaded.gates == (
        ErrorRateGate(900.0, 50, 0.02, OnNoData.FAIL, baseline=True),
        ErrorRateGate(1.0, 1, 0.005, OnNoData.WAIT, baseline=False),
        HttpGate("https://probe.example.com/ivr?x=1", 204, "$.a", {"b": [1]}, 3.0),
        HttpGate("http://probe.example.com"),
        ExecutionGate({"a": 1, "b": None, "c": ["x"]}, 60.0),
        ExecutionGate(),
    )
    assert (loaded.automatic_rollback, loaded.suspended, loaded.previous_name) == (False, True, "Daily")
    assert loaded.release_version == "2.4.1"


def test_a_pinned_version_keeps_its_digits_and_its_stages(tmp_path: Path) -> None:
    stages = "[{percentage: 10, duration: 15m}, {percentage: 100, duration: 0s}]"
    spec = f"  type: inboundcall\n  name: 'Odd |<\"😀 '\n  rollout: {{stages: {stages}}}\n"
    pinned = flow(spec=spec, source='{version: "13.10"}')
    root = write(tmp_path, {"o.yaml": organization("  api: versioned\n"), "f.yaml": pinned})
    (loaded,) = load(root).organizations[0].flows
    assert loaded.key == FlowKey("inboundcall", 'Odd |<"😀 ')
    assert loaded.source == PinnedVersion("13.10")
    assert loaded.rollout.stages == (Stage(10, 900.0), Stage(100, 0.0))


def test_substitutions_come_from_the_flow_then_the_organisation_then_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_VALUE_PIN", "0000 {a}")
    values = "  substitutions: {a: from-organisation, b: from-organisation, c: {env: PENSTOCK_VALUE_PIN}}\n"
    files = {
        "o.yaml": organization(values),
        "f.yaml": flow(source="{file: flows/t.yaml, substitutions: {a: from-flow}}"),
        "flows/t.yaml": "workflow:\n  name: '{{a}} {{b}}'\n  description: '{{c}}'\n",
    }
    (loaded,) = load(write(tmp_path, files)).organizations[0].flows
    assert isinstance(loaded.source, SourceFile)
    assert loaded.key.name == "from-flow from-organisation"
    assert "0000" in loaded.source.text.read()
    assert "0000" not in repr(loaded)


def test_the_order_of_files_changes_nothing(tmp_path: Path) -> None:
    one = write(tmp_path / "1", {"o.yaml": organization(), "a.yaml": flow("b"), "b.yaml": _nightly("a")})
    two = write(tmp_path / "2", {"o.yaml": organization(), "a.yaml": f"{flow('b')}---\n---\n{_nightly('a')}"})
    assert [flow.id for flow in load(one).organizations[0].flows] == ["a", "b"]
    assert [flow.wanted for flow in load(one).organizations[0].flows] == [
        flow.wanted for flow in load(two).organizations[0].flows
    ]
    assert load(one) == load(one)


def _nightly(name: str) -> str:
    return flow(name, source="{file: flows/workflow.yaml}")


def test_files_and_unused_flow_files_are_listed(tmp_path: Path) -> None:
    files = {
        "o.yaml": organization(),
        "f.yaml": flow(),
        "other.yaml": "jobs: []\n",
        "flows/commented.yml": "# why\n---\ncommonModule:\n  name: X\n",
    }
    desired = load(write(tmp_path, files))
    assert desired.files == ("f.yaml", "flows/ivr.yaml", "o.yaml")
    assert desired.unused == ("flows/commented.yml", "flows/workflow.yaml")


def test_a_repository_without_manifests_asks_for_nothing(tmp_path: Path) -> None:
    assert load(tmp_path).organizations == ()
