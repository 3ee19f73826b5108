"""The file of a plan that `penstock plan --out` wrote."""

from __future__ import annotations

from pathlib import Path

from controller.domain.errors.delivery import PlanUnreadable
from controller.planning.rendering.document_model import PlanDocument
from controller.planning.rendering.saved import SavedPlanLimits, saved_document


def read_plan_file(path: Path, limits: SavedPlanLimits) -> PlanDocument:
    """The plan in the file, of which no more is read than the limits allow. Raises PlanUnreadable."""
    try:
        with path.open("rb") as file:
            content = file.read(limits.length + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no file has such a name"
        raise PlanUnreadable(f"{path} cannot be read: {reason}") from error
    return saved_document(content, str(path), limits)
