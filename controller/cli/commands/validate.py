"""`penstock validate`: are the manifests and flow files of this repository right?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from controller.cli import exit_codes
from controller.cli.failures import MistakeDocument, error_text, mistakes_documents
from controller.cli.options import Folder, Format, TextOrJson
from controller.cli.workspace import tell_uncommitted
from controller.domain.documents import json_text
from controller.domain.errors import ManifestInvalid
from controller.domain.visible import visible
from controller.domain.wording import counted
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


def validate(folder: Folder = Path(), output: Format = TextOrJson.TEXT) -> int:
    """Print every mistake, or what the manifests describe; 1 when there is a mistake."""
    try:
        workspace = open_folder(folder, load_settings())
    except ManifestInvalid as error:
        if output is TextOrJson.JSON:
            mistakes = mistakes_documents(error.mistakes)
            print(json_text(ValidateDocument(valid=False, mistakes=mistakes, organizations=[], unused=[], warnings=[])))
        else:
            print(error_text(error))
        return exit_codes.ERROR
    desired = workspace.desired
    tell_uncommitted(workspace)
    if output is TextOrJson.JSON:
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
