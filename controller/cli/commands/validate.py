"""`penstock validate`: are the manifests and flow files of this repository right?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from controller.cli import exit_codes
from controller.cli.annotations import FORGE_FORMATS, Level, of_mistakes, of_unused
from controller.cli.failures import error_text
from controller.cli.options import Folder
from controller.cli.workspace import tell_uncommitted
from controller.domain.documents import json_text
from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.questions.error_document import MistakeDocument, mistakes_documents
from controller.reconcile.settings import load_settings
from controller.reconcile.workspace import open_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowCountDocument:
    """The flows of an organisation."""

    name: str
    """The organisation."""
    flows: int
    """How many flows it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateDocument:
    """`penstock validate --format json`: whether the manifests and flow files are right.

    The exit code is 1 when they are not.
    """

    schema: Literal["penstock.validate/v1"] = "penstock.validate/v1"
    valid: bool
    """Whether there is no mistake."""
    mistakes: Sequence[MistakeDocument]
    """Every mistake, by file and line."""
    organizations: Sequence[FlowCountDocument]
    """Each organisation and how many flows it has; empty when there are mistakes."""
    unused: Sequence[str]
    """Flow files that no manifest uses, relative to the top of the repository; empty when there are mistakes."""
    warnings: Sequence[MistakeDocument]
    """Settings that an organisation may refuse; the exit code stays 0; empty when there are mistakes."""


class ValidateFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    GITLAB = "gitlab"


_Format = Annotated[
    ValidateFormat,
    typer.Option("--format", "-f", help="text, json, github (annotations) or gitlab (a Code Quality report)."),
]


def validate(folder: Folder = Path(), output: _Format = ValidateFormat.TEXT) -> int:
    """Print every mistake, or what the manifests describe; 1 when there is a mistake."""
    try:
        workspace = open_folder(folder, load_settings())
    except ManifestInvalid as error:
        if output in FORGE_FORMATS:
            print(FORGE_FORMATS[output](of_mistakes(Level.ERROR, error.mistakes)), end="")
        elif output is ValidateFormat.JSON:
            mistakes = mistakes_documents(error.mistakes)
            print(json_text(ValidateDocument(valid=False, mistakes=mistakes, organizations=[], unused=[], warnings=[])))
        else:
            print(error_text(error))
        return exit_codes.ERROR
    desired = workspace.desired
    if output in FORGE_FORMATS:
        found = [*of_mistakes(Level.WARNING, desired.doubts), *of_unused(desired.unused)]
        print(FORGE_FORMATS[output](found), end="")
        return exit_codes.DONE
    tell_uncommitted(workspace)
    if output is ValidateFormat.JSON:
        document = ValidateDocument(
            valid=True,
            mistakes=[],
            organizations=[FlowCountDocument(name=each.name, flows=len(each.flows)) for each in desired.organizations],
            unused=desired.unused,
            warnings=mistakes_documents(desired.doubts),
        )
        print(json_text(document))
        return exit_codes.DONE
    for each in desired.organizations:
        print(f"{each.name}: {counted(len(each.flows), 'flow')}, no mistakes")
    for doubt in desired.doubts:
        print(visible(f"warning: {doubt}"))
    for name in desired.unused:
        print(visible(f"{name}: no manifest uses this flow file"))
    return exit_codes.DONE
