"""Options that several commands share."""

from __future__ import annotations

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
Out = Annotated[Path | None, typer.Option("--out", help="Write to this file instead of stdout.")]
