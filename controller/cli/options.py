"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class TextOrJson(StrEnum):
    TEXT = "text"
    JSON = "json"


Folder = Annotated[
    Path, typer.Argument(help="Folder of the manifests: a git repository, or a folder in one.", show_default=".")
]
FolderOption = Annotated[Path, typer.Option("--folder", help="Folder of the manifests.", show_default=".")]
"""For commands that take a flow as their argument."""
Flow = Annotated[str, typer.Argument(help="The flow: its metadata.name, `type/name`, or its name.")]
Organizations = Annotated[
    list[str] | None, typer.Option("--organization", "-o", help="Only this organisation; may be given several times.")
]
OneOrganization = Annotated[
    str | None, typer.Option("--organization", "-o", help="The organisation; needed when there are several.")
]
Format = Annotated[TextOrJson, typer.Option("--format", "-f", help="For people, or for programs.")]
ThisStore = Annotated[
    bool,
    typer.Option("--this-store", help="Go on although another store records the organisation: this one does now."),
]
Server = Annotated[
    str | None,
    typer.Option("--server", envvar="PENSTOCK_SERVER", show_envvar=True, help="Ask the controller at this address."),
]
Reason = Annotated[
    str | None, typer.Option("--reason", help="Why, for the audit log; asked for on a terminal. With --server.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Follow it until it has ended. With --server.")]
Out = Annotated[Path | None, typer.Option("--out", help="Write to this file instead of stdout.")]


def refuse_misplaced(
    server: str | None, *, this_store: bool = False, at_server: Mapping[str, object] | None = None
) -> None:
    """Raise a usage error for options that say nothing where the command acts: in a store, or at a controller.

    `at_server` has the options that go with --server alone, by name.
    """
    if server is not None and this_store:
        raise typer.BadParameter("is about the store of PENSTOCK_STORE, not about --server", param_hint="--this-store")
    for name, given in (at_server or {}).items():
        if server is None and given:
            raise typer.BadParameter("goes with --server", param_hint=name)


def required_server(server: str | None, instead: str) -> str:
    """The server. Raises a usage error that names the command which does the same without one."""
    if server is None:
        raise typer.BadParameter(f"name the controller; without one, use `{instead}`", param_hint="--server")
    return server
