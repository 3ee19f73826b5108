"""A plan that `plan --out` wrote: only its digests count, since the plan is made again and compared."""

from __future__ import annotations

import json
from pathlib import Path

from controller.domain.errors import SettingsInvalid


def digests_of(path: Path) -> dict[str, str]:
    """Organisation name to plan digest. Raises SettingsInvalid when the file is no plan of ours."""
    wrong = SettingsInvalid(
        f"{path} is not a plan of the form penstock.plan/v1", hint="write one with `penstock plan --out FILE`"
    )
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        digests = {str(each["name"]): str(each["digest"]) for each in document["organizations"]}
        schema = document["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise wrong from error
    if schema != "penstock.plan/v1":
        raise wrong
    return digests
