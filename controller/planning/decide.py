"""Decides which kind of change a flow needs: the decision table, one function for each row."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.capabilities import VERSIONED
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.planning.inputs import Unrecorded
from controller.planning.model import Blocked, ChangeKind
from controller.planning.situation import Situation


@dataclass(frozen=True, slots=True)
class Decision:
    """The change of one flow, before order and blocks beyond the flow itself are considered."""

    kind: ChangeKind
    reason: str
    to_version: str | None = None
    blocked: Blocked | None = None
    warnings: tuple[str, ...] = ()
    cause: str = ""
    """The reason without names and versions of this flow; empty if the reason holds none."""
    follows: tuple[FlowKey, ...] = ()
    """The consumed flows whose other version is the only reason for a republish."""


_KEEPS = "callers keep a module's version until they are published again"
_UNFINISHED = "a version of an unfinished delivery is live"
_ROLLED_BACK = (
    "git asks for an earlier version again; the live one was delivered for a commit that the branch does not hold any "
    "more"
)


def decide(situation: Situation) -> Decision:
    """Decide the change of one managed flow."""
    if situation.flow.suspended:
        return unchanged(situation, "the flow is suspended (spec.suspend)")
    if situation.ambiguous:
        kind = ChangeKind.SWITCH if situation.pinned is not None else ChangeKind.PUBLISH
        message = f"several flows in the organisation carry the type and name {situation.flow.key}; {_apart(situation)}"
        blocked = Blocked("ambiguous-flow", message)
        return Decision(kind, "it is not clear which flow is meant", situation.pinned, blocked)
    if situation.live is None:
        return _absent(situation)
    if situation.unrecorded is not None:
        return _on_its_way(situation, situation.unrecorded)
    if situation.unchanged_in_git and situation.undetermined:
        return unchanged(situation, f"which version is live cannot be told with api: {situation.dialect}")
    return _pinned(situation, situation.pinned) if situation.pinned is not None else _source(situation)


def unchanged(situation: Situation, reason: str, cause: str = "") -> Decision:
    """Leave the flow as it is."""
    return Decision(ChangeKind.NONE, reason, situation.live_version, cause=cause)


def _absent(situation: Situation) -> Decision:
    if situation.pinned is not None:
        message = (
            f"version {situation.pinned} of {situation.flow.key} is wanted, but the organisation has no such flow; "
            f"{_way_out(situation)}"
        )
        blocked = Blocked("missing-flow", message)
        return Decision(ChangeKind.SWITCH, f"{situation.pinned} is wanted", situation.pinned, blocked)
    if situation.previous is not None:
        return _renamed(situation, situation.previous)
    if situation.record is not None:
        return Decision(ChangeKind.CREATE, "the flow was deleted in the organisation; it is created again")
    return Decision(ChangeKind.CREATE, "the organisation has no such flow")


def _way_out(situation: Situation) -> str:
    if situation.dialect != VERSIONED:
        return "correct spec.name, or give the manifest a spec.source.file so that the flow can be created"
    if situation.flow.flow_id is not None:
        return f"correct spec.id, which is {situation.flow.flow_id}"
    return "correct spec.name or spec.type, or name the flow by its id (spec.id)"


def _apart(situation: Situation) -> str:
    if situation.dialect == VERSIONED:
        return "name the one that is meant by its id (spec.id)"
    return "rename or delete all but one of them in Architect"


def _renamed(situation: Situation, previous: LiveFlow) -> Decision:
    names = ", ".join(situation.old_name_consumers)
    consumers = f"; still consumed under its old name by {names}" if names else "; no managed flow uses its old name"
    reason = (
        f"renamed from {previous.key.name!r}: it is published under the new name, and the old flow stays{consumers}"
    )
    warning = (
        f"the organisation cannot rename a flow: {str(previous.key)!r} ({previous.id}) stays live beside the new one "
        "until it is unpublished; its callers keep calling it"
    )
    return Decision(ChangeKind.RENAME, reason, warnings=(warning,))


def _on_its_way(situation: Situation, made: Unrecorded) -> Decision:
    """An unfinished delivery made the live version: apply resumes that delivery first and then plans again."""
    what = f"{made.version} is live of an unfinished delivery"
    if made.wanted == situation.flow.wanted:
        return Decision(
            ChangeKind.ADOPT, f"{what}; apply resumes it", made.version, cause=f"{_UNFINISHED}; apply resumes it"
        )
    if situation.record is not None and situation.unchanged_in_git:
        reason = f"{situation.record.version} is asked for again, {what}; apply resumes that first"
        cause = f"the recorded version is asked for again, {_UNFINISHED}; apply resumes that first"
        return Decision(ChangeKind.RESTORE, reason, situation.record.version, cause=cause)
    kind = ChangeKind.PUBLISH if situation.pinned is None else ChangeKind.SWITCH
    words = "git asks for something else meanwhile, {}; apply resumes that first"
    return Decision(kind, words.format(what), situation.pinned, cause=words.format(_UNFINISHED))


def _pinned(situation: Situation, pinned: str) -> Decision:
    live = situation.live_version
    if live == pinned:
        if situation.unchanged_in_git and not situation.recreated:
            return unchanged(situation, f"{pinned} is live, as pinned", "live, as pinned")
        words = "is live already; only the record is missing"
        return Decision(ChangeKind.ADOPT, f"{pinned} {words}", pinned, cause=f"the pinned version {words}")
    if situation.authored:
        return Decision(ChangeKind.SWITCH, _rolled_back_words(situation, pinned), pinned, cause=_ROLLED_BACK)
    if situation.unchanged_in_git and not situation.recreated:
        return _drifted(situation, pinned)
    cause = f"the pinned version is not live, {'another one' if live else 'and none'} is"
    return Decision(ChangeKind.SWITCH, f"{pinned} is pinned, {_live_words(live)}", pinned, cause=cause)


def _source(situation: Situation) -> Decision:
    if situation.record is None:
        return _unrecorded(situation)
    if not situation.unchanged_in_git:
        return _changed(situation)
    if situation.authored:
        words = _rolled_back_words(situation, situation.record.version)
        return Decision(ChangeKind.RESTORE, words, situation.record.version, cause=_ROLLED_BACK)
    if situation.moved_by_hand:
        return _drifted(situation, situation.record.version)
    if situation.moved:
        return _rebound(situation)
    return unchanged(situation, f"{situation.live_version} is live, as recorded", "live, as recorded")


def _unrecorded(situation: Situation) -> Decision:
    live = situation.live_version
    if live is None:
        return Decision(ChangeKind.PUBLISH, "the flow exists, but no version of it is published")
    if situation.live_digest is None:
        words = "is live, and nothing is recorded that tells its content"
        return Decision(ChangeKind.PUBLISH, f"{live} {words}", cause=f"a version {words}")
    if situation.live_digest != situation.source_digest:
        words = "is live, and its content is not what the source asks for"
        return Decision(ChangeKind.PUBLISH, f"{live} {words}", cause=f"a version {words}")
    if situation.moved:
        return _rebound(situation)
    words = "has the wanted content already; only the record is missing"
    return Decision(ChangeKind.ADOPT, f"{live} {words}", live, cause=f"the live version {words}")


def _drifted(situation: Situation, version: str) -> Decision:
    """Someone else changed the live version and git did not change: heal it if policy allows."""
    hand_made = f"{version} is recorded, {_live_words(situation.live_version)}"
    if not situation.heal:
        return unchanged(situation, f"changed out of band: {hand_made}; sync.heal is off")
    if situation.recreated:
        return Decision(ChangeKind.PUBLISH, "the flow was deleted and made again out of band; its source is published")
    if situation.moved and situation.pinned is None:
        return Decision(ChangeKind.REPUBLISH, f"changed out of band: {hand_made}; and {_rebind_words(situation)}")
    return Decision(ChangeKind.RESTORE, f"changed out of band: {hand_made}", version, cause="changed out of band")


def _changed(situation: Situation) -> Decision:
    record = situation.record
    if record is None or record.source_digest is None:
        reason = "the manifest has a source now, where it pinned a version before"
    elif situation.recreated:
        reason = "the source changed; the flow was deleted and made again out of band meanwhile"
    elif situation.moved_by_hand:
        cause = "the source changed; it replaces a version made out of band"
        versions = f"{record.version} is recorded, {_live_words(situation.live_version)}"
        return Decision(ChangeKind.PUBLISH, f"{cause} ({versions})", cause=cause)
    else:
        reason = "the source changed"
    return Decision(ChangeKind.PUBLISH, reason)


def _rebound(situation: Situation) -> Decision:
    follows = tuple(moved.key for moved in situation.moved)
    return Decision(ChangeKind.REPUBLISH, _rebind_words(situation), cause=_KEEPS, follows=follows)


def _rolled_back_words(situation: Situation, version: str) -> str:
    return (
        f"git asks for {version} again; {situation.live_version} was delivered for a commit that the branch does not "
        "hold any more"
    )


def _rebind_words(situation: Situation) -> str:
    return f"{_KEEPS}: {', '.join(map(str, situation.moved))}"


def _live_words(version: str | None) -> str:
    return f"{version} is live" if version else "nothing is published"
