"""Genesys' provider for Terraform (CX as Code) itself, where it is installed.

`PENSTOCK_TEST_CX_AS_CODE` names the binary `terraform-provider-genesyscloud`, which Terraform or OpenTofu on the PATH
runs. Its own pauses cannot be simulated, so this peer runs in real time. Before it publishes anything the provider asks
the organisation for things that the simulator may not serve; then the reason that Terraform gives is told.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

VARIABLE = "PENSTOCK_TEST_CX_AS_CODE"
PROGRAMS = ("terraform", "tofu")


def absence() -> dict[str, str]:
    """Why the provider itself is not measured, by its name; empty where it can run."""
    named = os.environ.get(VARIABLE)
    if not named:
        return {"CX as Code itself": f"{VARIABLE} does not name its binary"}
    if not Path(named).is_file():
        return {"CX as Code itself": f"{named} is no file"}
    if not any(map(shutil.which, PROGRAMS)):
        return {"CX as Code itself": f"neither {' nor '.join(PROGRAMS)} is on the PATH"}
    return {}
