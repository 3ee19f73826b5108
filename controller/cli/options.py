"""Options that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class TextOrJson(StrEnum):
    TEXT = "text"
    JSON = "json"


class PlanFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    MARKDOWN = "markdown"
    HTML = "html"


Folder = Annotated[
    Path,
    typer.Argument(help="Folder of the manifests: a git repository, or a folder in one.", show_default="."),
]
Organizations = Annotated[
    list[str] | None,
    typer.Option("--organization", "-o", help="Only this organisation; may be given several times."),
]
Format = Annotated[TextOrJson, typer.Option("--format", "-f", help="For people, or for programs.")]
