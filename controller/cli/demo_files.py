"""The desired state that comes with Penstock: `manifests/` and the flows that it names."""

from __future__ import annotations

import shutil
import sysconfig
from pathlib import Path

from controller.domain.errors.process import SettingsInvalid


def copy_demo_files(into: Path) -> Path:
    """Copy manifests and flows into a folder that is empty or holds such a copy; returns the manifests' folder.

    Raises SettingsInvalid when they were not installed.
    """
    source = _source()
    shutil.copytree(source / "manifests", into / "manifests", dirs_exist_ok=True)
    shutil.copytree(source / "examples" / "flows", into / "examples" / "flows", dirs_exist_ok=True)
    return into / "manifests"


def _source() -> Path:
    """The folder that holds `manifests/` and `examples/`: a checkout, or where the package installed them."""
    places = (Path(__file__).parents[2], Path(sysconfig.get_path("data")) / "share" / "penstock")
    for place in places:
        if (place / "manifests").is_dir() and (place / "examples" / "flows").is_dir():
            return place
    raise SettingsInvalid("the manifests that come with Penstock are not installed", hint="use a checkout")
