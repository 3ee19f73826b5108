"""Reads the recorded state from the lock file of the records branch and applies edits to it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path

from controller.domain.errors.repository import RepositoryFailed
from controller.domain.identity import FlowKey
from controller.domain.recorded import RecordedFlow, RecordedState
from controller.repository.artifacts import LOCK_TRAILER, Edit
from controller.repository.here import Here
from controller.repository.lockfile import FILE_NAME, decode, encode
from controller.repository.objects import ObjectInfo


def state_in_commit(here: Here, commit: str | None, path: str, organization: str) -> RecordedState:
    """The state in the lock file of a commit; the empty state when commit or file is missing.

    Raises RepositoryFailed naming file and line when it is broken: a broken record is never treated as empty.
    """
    found = here.file(commit, path) if commit else None
    if found is None or commit is None:
        return RecordedState(organization)
    return _decoded(here, found, path, f"{commit[:12]}:{path}", organization)


def states_in_commit(here: Here, commit: str, folder: str, others_than: Collection[str]) -> tuple[RecordedState, ...]:
    """The states in the lock files below a folder of a commit, of other organisations than these.

    A broken one is left to its own organisation's pass.
    """
    states = []
    for name in sorted(set(here.folders(commit, folder)).difference(others_than)):
        path = f"{folder}/{name}/{FILE_NAME}"
        found = None if "\n" in name else here.file(commit, path)
        with contextlib.suppress(RepositoryFailed):
            if found is not None:
                states.append(_decoded(here, found, path, f"{folder}/{name}", name))
    return tuple(states)


def _decoded(here: Here, found: ObjectInfo, path: str, file: str, organization: str) -> RecordedState:
    """The state in a lock file; the content at each path is decoded again only where it is another one."""
    known = here.decoded.get(path)
    if known is None or known[0] != found.object_id:
        known = found.object_id, decode(here.content(found), file=file, organization=organization)
        here.decoded[path] = known
    return known[1]


def state_in_folder(top: Path, path: str, organization: str) -> RecordedState:
    """The state in the lock file of a folder; the empty state when it is missing. Raises RepositoryFailed."""
    try:
        content = (top / path).read_bytes()
    except FileNotFoundError:
        return RecordedState(organization)
    except OSError as error:
        raise RepositoryFailed(f"{top / path} cannot be read: {error.strerror}") from error
    return decode(content, file=path, organization=organization)


def apply_edit(state: RecordedState, edit: Edit) -> RecordedState:
    """The state after the edit: the edit's entries replace those of the same flows.

    A pending edit does not replace later records. If the name was given to another organisation, the records of the
    former one are dropped.
    """
    ours = state.of(edit.organization_id)
    if edit.replayed and ours is not state:
        return state
    flows: dict[FlowKey, RecordedFlow] = dict(ours.flows)
    for key in edit.dropped - edit.set_flows.keys():
        flows.pop(key, None)
    for key, flow in edit.set_flows.items():
        if not (edit.replayed and _is_later(flows.get(key), flow)):
            flows[key] = flow
    recorder = edit if edit.store_id and (edit.claims or flows != ours.flows) else state
    organization_id = edit.organization_id or state.organization_id
    return RecordedState(state.organization, flows, organization_id, recorder.store_id, recorder.server)


def moved_over(here: Here, commit: str, path: str, organization: str, source: str) -> Edit:
    """The edit that copies an organisation's artifacts from a commit of the branch `source`.

    Raises RepositoryFailed when the lock file is broken.
    """
    state = state_in_commit(here, commit, path, organization)
    folder = path.rpartition("/")[0]
    listing = here.git.run(
        "ls-tree", "-r", "-z", "--name-only", "--full-tree", "--end-of-options", commit, "--", folder
    )
    files = [each.decode("utf-8", "surrogateescape") for each in listing.split(b"\0") if each]
    files = [file for file in files if file != path and "\n" not in file]
    found = {file: here.file(commit, file) for file in files}
    return Edit(
        lock_path=path,
        organization=organization,
        files={file: here.content(each) for file, each in found.items() if each is not None},
        set_flows=state.flows,
        organization_id=state.organization_id,
        store_id=state.store_id,
        server=state.server,
        message=f"{organization}: begin the record from {source}\n\n"
        "It was kept there until now. From here on it is kept on this branch, and the former place is not read.\n\n"
        f"Penstock-Organization: {organization}\n{LOCK_TRAILER}: {path}\n",
    )


def lock_bytes(state: RecordedState) -> bytes:
    """The bytes of the lock file, after a check that they can be read. Raises RepositoryFailed."""
    content = encode(state)
    if decode(content, file="the new lock file", organization=state.organization) != state:
        raise RepositoryFailed(f"the recorded state of {state.organization} would not survive being written")
    return content


def _is_later(there: RecordedFlow | None, ours: RecordedFlow) -> bool:
    if there is None or there.recorded_at is None or ours.recorded_at is None:
        return False
    return there.recorded_at > ours.recorded_at
