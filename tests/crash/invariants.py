"""What must be true after a crash and the passes that follow it."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from controller.domain.capabilities import ARCHITECT
from controller.simulator.flow import SimulatedFlow
from controller.simulator.state import SimulatedState
from tests.crash.scenes import Scene
from tests.crash.stage import Stage
from tests.support.world import SECRET

Publishes = Counter[tuple[str, str]]


def publishes(state: SimulatedState) -> Publishes:
    """How often each content of each flow was published, in the organisation's own history."""
    return Counter(
        (str(flow.key), next(version.text for version in flow.versions if version.id == happening.version))
        for flow in state.flows.values()
        for happening in flow.history
        if happening.action.name == "PUBLISH"
    )


@dataclass(frozen=True)
class Allowed:
    """What a run without a crash published."""

    publishes: Publishes
    bindings: Publishes
    """To how many different contents of modules each content of each flow was bound."""

    @classmethod
    def by(cls, state: SimulatedState) -> Allowed:
        bound = {
            (str(flow.key), version.text, _bound(state, version.bindings))
            for flow in state.flows.values()
            for version in flow.versions
        }
        return cls(publishes(state), Counter((flow, text) for flow, text, _ in bound))


def _bound(state: SimulatedState, bindings: Mapping[str, str]) -> frozenset[str]:
    """The contents of what a version is bound to."""
    return frozenset(
        version.text for id_, bound in bindings.items() for version in state.flows[id_].versions if version.id == bound
    )


def violations(scene: Scene, stage: Stage, allowed: Allowed) -> list[str]:
    """Everything that is wrong, in words; nothing when all is well."""
    state = stage.state()
    return [
        *_not_settled(stage),
        *_published_twice(state, allowed),
        *_wrongly_live(scene, stage, state),
        *_stale_callers(scene, stage, state),
        *_launched_again(state),
        *_not_recorded(stage, state),
        *_lost_drafts(scene, stage),
        *_untold(stage, state),
        *_leaked(stage),
    ]


def _present(state: SimulatedState) -> list[SimulatedFlow]:
    return [flow for flow in state.flows.values() if not flow.deleted]


def _not_settled(stage: Stage) -> Iterator[str]:
    last = stage.passes[-1]
    if not last["settled"]:
        yield f"not settled after {len(stage.passes)} passes: {stage.passes}"
    for state in ("rolling-back", "rollback-failed", "publishing", "baking", "live", "validated", "pending"):
        if state in last["states"]:
            yield f"a step was left {state}"


def _published_twice(state: SimulatedState, allowed: Allowed) -> Iterator[str]:
    """A crash splits a sync: a module that stays then has its callers published once more, bound to it."""
    made = Allowed.by(state)
    for published, count in made.publishes.items():
        bound_anew = max(made.bindings[published] - allowed.bindings[published], 0)
        limit = max(allowed.publishes[published], 1) + bound_anew
        if count > limit:
            flow, text = published
            yield f"{flow} was published {count} times instead of {limit} with the content {text!r}"


def _wrongly_live(scene: Scene, stage: Stage, state: SimulatedState) -> Iterator[str]:
    for flow in _present(state):
        wanted = scene.wanted.get(str(flow.key), "")
        live = flow.published
        if live is None and str(flow.key) in scene.unpublished:
            continue
        if (wanted is None) != (live is None) or (live is not None and wanted not in live.text):
            yield f"{flow.key} is live with {flow.published.text if flow.published else None}"
    quarantined = set(stage.passes[-1]["quarantined"])
    for key, wish in scene.wished.items():
        live = next((flow.published for flow in _present(state) if str(flow.key) == key), None)
        if (live is not None and wish in live.text) == (key in quarantined):
            yield f"{key}: its wish is {'live and' if key in quarantined else 'neither live nor'} in quarantine"
    innocent = quarantined - scene.quarantined - scene.wished.keys()
    if innocent:
        yield f"in quarantine without having failed: {innocent}"
    missing = scene.quarantined - quarantined
    if missing:
        yield f"not in quarantine: {missing}"


def _stale_callers(scene: Scene, stage: Stage, state: SimulatedState) -> Iterator[str]:
    """Callers that are bound to another version of a module than the live one, and may be bound anew."""
    if scene.dialect != ARCHITECT:
        return
    for flow in _present(state):
        if flow.published is None or str(flow.key) in stage.passes[-1]["blocked"]:
            continue
        for callee, version in flow.published.bindings.items():
            live = state.flows[callee].published
            if live is None or live.id != version:
                yield f"{flow.key} is bound to {state.flows[callee].key} {version}, live is {live and live.id}"


def _launched_again(state: SimulatedState) -> Iterator[str]:
    """A launched execution does what its flow does: a second one can do harm."""
    launched = Counter((each.flow_id, each.version) for each in state.executions.values() if each.launched)
    for (flow, version), count in launched.items():
        if count > 1:
            yield f"{flow} {version} was launched {count} times"


def _lost_drafts(scene: Scene, stage: Stage) -> Iterator[str]:
    for text in scene.drafts:
        if not _git(stage, "log", "-S", text, "--format=%H", "penstock/records", "--", "artifacts/*/drafts/*"):
            yield f"the draft {text!r} was not committed"


def _not_recorded(stage: Stage, state: SimulatedState) -> Iterator[str]:
    live = {str(flow.key): flow.published.id for flow in _present(state) if flow.published}
    recorded = stage.passes[-1]["recorded"]
    if recorded != live:
        yield f"recorded {recorded}, live {live}"
    files = _git(stage, "ls-tree", "-r", "--name-only", "penstock/records").splitlines()
    for key, version in live.items():
        if not any(f"/{version}." in path and key.split("/")[1].lower() in path.lower() for path in files):
            yield f"no export of {key} {version} was pushed: {files}"
    waiting = _git(stage, "for-each-ref", "refs/penstock/pending", at="clone")
    if waiting:
        yield f"commits were left behind: {waiting}"


def _untold(stage: Stage, state: SimulatedState) -> Iterator[str]:
    """Change management hears of every version that the passes made live, and of none twice."""
    told = Counter(stage.announced())
    for (key, action, version), count in told.items():
        if count > 1 and action == "migrate":
            yield f"{key} {version} was announced {count} times"
    for flow in state.flows.values():
        for happening in flow.history:
            ours = happening.actor.name == "Penstock" and happening.at > stage.clock.start
            if ours and happening.action.name == "PUBLISH" and not _told_of(told, str(flow.key), happening.version):
                yield f"{flow.key} {happening.version} went live and nobody was told"


def _told_of(told: Counter[tuple[str, str, str]], key: str, version: str | None) -> bool:
    return any(told[key, action, version or ""] for action in ("migrate", "rollback"))


def _leaked(stage: Stage) -> Iterator[str]:
    files = [*stage.folder.glob("store.db*"), *stage.folder.glob("*.log"), stage.folder / "report.json"]
    for file in files:
        if SECRET.encode() in file.read_bytes():
            yield f"the secret is in {file.name}"
    if _git(stage, "log", "-p", "--all", f"-S{SECRET}", "--format=%H"):
        yield "the secret is in git"


def _git(stage: Stage, *words: str, at: str = "remote.git") -> str:
    done = subprocess.run(["git", *words], cwd=stage.folder / at, check=True, capture_output=True, text=True)
    return done.stdout.strip()
