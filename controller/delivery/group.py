"""Changes of flows that consume each other: delivered one after the other, but validated and taken back as one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from controller.delivery.context import Context
from controller.delivery.validation import validate
from controller.delivery.work import DESTRUCTIVE, Work
from controller.graphs.components import strongly_connected


def groups_of(works: Iterable[Work]) -> dict[str, tuple[Work, ...]]:
    """The cycles among these changes, by `flow`: each with all changes of its cycle, in deployment order."""
    by_key = {work.key: work for work in works if work.change.kind not in DESTRUCTIVE}
    consumed = {key: work.record.consumes for key, work in by_key.items()}
    found: dict[str, tuple[Work, ...]] = {}
    for component in strongly_connected(list(by_key), consumed):
        if len(component) > 1:
            members = tuple(by_key[key] for key in component)
            found |= {work.change.flow: members for work in members}
    return found


def with_groups(chosen: Sequence[Work], works: Sequence[Work]) -> list[Work]:
    """The chosen changes and all others of their cycles, in deployment order."""
    groups = groups_of(works)
    wanted = {id(other) for work in chosen for other in (work, *groups.get(work.change.flow, ()))}
    return [work for work in works if id(work) in wanted]


async def validate_ahead(context: Context, work: Work) -> None:
    """Validate a version that exists before anything of its cycle is published. Raises what validation raises.

    What is only a file in git the organisation validates while it publishes.
    """
    target = work.record.target_version
    if work.record.source_digest is None and work.flow_id is not None and target is not None:
        await validate(context, work, work.flow_id, target)
