"""`penstock validate`: are the manifests and flow files of this repository right?"""

from __future__ import annotations

import json
from pathlib import Path

from controller.cli import exit_codes
from controller.cli.failures import error_text, mistakes_document
from controller.cli.options import Folder, Format, TextOrJson
from controller.cli.workspace import tell_uncommitted
from controller.domain.errors import ManifestInvalid
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.reconcile import load_settings, open_folder


def validate(folder: Folder = Path(), output: Format = TextOrJson.TEXT) -> int:
    """Print every mistake, or what the manifests describe; 1 when there is a mistake."""
    try:
        workspace = open_folder(folder, load_settings())
    except ManifestInvalid as error:
        if output is TextOrJson.JSON:
            mistakes = mistakes_document(error.mistakes)
            print(_document(valid=False, mistakes=mistakes, organizations=[], unused=[], warnings=[]))
        else:
            print(error_text(error))
        return exit_codes.ERROR
    desired = workspace.desired
    counts = [{"name": each.name, "flows": len(each.flows)} for each in desired.organizations]
    tell_uncommitted(workspace)
    if output is TextOrJson.JSON:
        warnings = mistakes_document(desired.doubts)
        print(_document(valid=True, mistakes=[], organizations=counts, unused=desired.unused, warnings=warnings))
        return exit_codes.DONE
    for each in desired.organizations:
        print(f"{each.name}: {counted(len(each.flows), 'flow')}, no mistakes")
    for doubt in desired.doubts:
        print(visible(f"warning: {doubt}"))
    for name in desired.unused:
        print(visible(f"{name}: no manifest uses this flow file"))
    return exit_codes.DONE


def _document(**fields: object) -> str:
    return json.dumps({"schema": "penstock.validate/v1", **fields}, indent=2, ensure_ascii=False)
