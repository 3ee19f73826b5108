"""Was the order right? Told from what the flow files name and the organisation's own history, not from the waves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from controller.domain.desired import DesiredFlow, SourceFile
from controller.domain.references import Resolution


def callees_before_callers(desired: Iterable[DesiredFlow], flows: Iterable[Mapping[str, Any]]) -> bool:
    """Whether each flow's first publish came after the first publish of every flow that its file names."""
    first_publish = {flow["name"]: _first_publish(flow) for flow in flows}
    return all(
        first_publish[reference.name] < first_publish[flow.key.name]
        for flow in desired
        if isinstance(flow.source, SourceFile)
        for reference in flow.source.references
        if reference.resolution is Resolution.STATIC
    )


def _first_publish(flow: Mapping[str, Any]) -> str:
    return str(next(entry["at"] for entry in flow["history"] if entry["action"] == "publish"))
