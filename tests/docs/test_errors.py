"""docs/reference/errors.md and the error tree say the same."""

from __future__ import annotations

import re
from pathlib import Path

from controller.cli.remote import problem_of
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.manifest import ManifestInvalid
from tests.support.error_tree import BRANCHES, leaves

DOCUMENT = (Path(__file__).parents[2] / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
HEADINGS = set(re.findall(r"^### (\S+)$", DOCUMENT, re.MULTILINE))


def test_every_error_has_a_code_of_its_own_that_is_explained() -> None:
    codes = [kind.code for kind in leaves()]

    assert sorted(set(codes)) == sorted(codes)
    assert set(codes) <= HEADINGS


_ACTS = (
    "Add|Ask|Bring|Change|Check|Close|Commit|Correct|Create|Free|Give|Keep|Let|Lower|Make|Merge|Name|Open|Pass|Pin|Point"
    "|Push|Raise|Read|Rename|Report|Run|Send|Set|Stop|Take|Try|Unlock|Upgrade|Use|Wait|Look|Begin|Write|Export|Archive|give"
    "|let|look|run|make|set|publish"
)
_WAY_OUT = re.compile(rf"(?:^|[.;:,] |^- )(?:{_ACTS})\b|`penstock \w+|`--[a-z]", re.MULTILINE)


def test_every_explanation_says_what_to_do() -> None:
    sections = re.findall(r"^### (\S+)\n(.*?)(?=^##|\Z)", DOCUMENT, re.MULTILINE | re.DOTALL)

    assert [code for code, text in sections if not _WAY_OUT.search(text)] == []


def test_every_error_belongs_to_one_branch() -> None:
    for kind in leaves():
        assert sum(issubclass(kind, branch) for branch in BRANCHES) == 1, kind


def test_no_explanation_is_left_of_an_error_that_is_gone() -> None:
    blocked = set(re.findall(r"^### (\S+)$", DOCUMENT.split("## Reasons why")[1], re.MULTILINE))

    assert {kind.code for kind in leaves()} | blocked == HEADINGS


def test_codes_are_kebab_case() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code) for kind in leaves())
    assert PenstockError("x", hint="y").hint == "y"


def test_the_command_line_knows_every_error_that_a_controller_can_tell() -> None:
    for kind in leaves():
        if kind.__module__.startswith("controller.domain.") and kind is not ManifestInvalid:
            told = problem_of("https://penstock.test", 400, b'{"detail": "x", "code": "%s"}' % kind.code.encode())
            assert type(told) is kind
