"""The shell's repository in the versioned dialect: flows are pinned, because it publishes no source."""

from __future__ import annotations

import yaml

from tests.support.shell import Shell


def pin_to_the_versioned_dialect(shell: Shell) -> None:
    """Ask the same organisation, over the other API, for the versions that an apply has published."""
    kinds = {"front": ("inboundcall", "Front"), "hours": ("commonmodule", "Hours")}
    for name, (kind, display) in kinds.items():
        path = shell.folder / f"{name}.yaml"
        manifest = yaml.safe_load(path.read_text())
        manifest["spec"] = {"type": kind, "name": display, "source": {"version": "1.0"}}
        path.write_text(yaml.safe_dump(manifest))
    path = shell.folder / "organization.yaml"
    manifest = yaml.safe_load(path.read_text())
    manifest["spec"]["api"] = "versioned"
    path.write_text(yaml.safe_dump(manifest))
