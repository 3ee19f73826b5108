"""docs/reference/errors.md and the error tree say the same."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import controller
from controller.domain import errors
from controller.domain.errors import Invalid, PenstockError, Permanent, Refused, Transient, Waiting

DOCUMENT = (Path(__file__).parents[2] / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
HEADINGS = set(re.findall(r"^### (\S+)$", DOCUMENT, re.MULTILINE))
BRANCHES = (Invalid, Refused, Waiting, Transient, Permanent)


def leaves() -> list[type[PenstockError]]:
    for found in pkgutil.walk_packages(controller.__path__, "controller."):
        if "migrations" not in found.name and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    todo, seen = [PenstockError], []
    while todo:
        current = todo.pop()
        seen.append(current)
        todo.extend(current.__subclasses__())
    return [kind for kind in seen if kind is not PenstockError and kind not in BRANCHES]


def test_every_error_has_a_code_of_its_own_that_is_explained() -> None:
    codes = [kind.code for kind in leaves()]

    assert sorted(set(codes)) == sorted(codes)
    assert set(codes) <= HEADINGS


def test_every_error_belongs_to_one_branch() -> None:
    for kind in leaves():
        assert sum(issubclass(kind, branch) for branch in BRANCHES) == 1, kind


def test_no_explanation_is_left_of_an_error_that_is_gone() -> None:
    blocked = set(re.findall(r"^### (\S+)$", DOCUMENT.split("## Reasons why")[1], re.MULTILINE))

    assert {kind.code for kind in leaves()} | blocked == HEADINGS


def test_codes_are_kebab_case() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code) for kind in leaves())
    assert errors.PenstockError("x", hint="y").hint == "y"
