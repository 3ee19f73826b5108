"""Real exports and hand-written files parse, and say about themselves what people found in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.domain.references import Resolution
from controller.flows.flow_file import parse
from controller.flows.roots import ARCHY_ROOTS
from controller.flows.substitution import placeholders, render
from tests.flows.corpus import FILES, TEMPLATES, each, table, text_of

pytestmark = pytest.mark.corpus

KINDS = {
    "data action": "data-action",
    "data table": "data-table",
    "contact list": "contact-list",
    "wrap-up code": "wrap-up-code",
    "emergency group": "emergency-group",
    "knowledge base": "knowledge-base",
    "tts engine": "tts-engine",
    "find:findQueue": "queue",
}


@each(FILES)
def test_every_file_parses_to_the_flow_that_its_table_row_names(file: Path) -> None:
    row = table()[file.name]
    flow = parse(text_of(file))
    assert (flow.root, flow.key.name.strip()) == (row.root, row.name)
    assert flow.key.type == ARCHY_ROOTS[row.root]


@each(FILES)
def test_flow_references_are_exactly_those_of_the_table(file: Path) -> None:
    flow = parse(text_of(file))
    assert {reference.name for reference in flow.references} == table()[file.name].flows
    assert all(reference.resolution is Resolution.STATIC for reference in flow.references)


@each(FILES)
def test_resources_are_exactly_those_of_the_table(file: Path) -> None:
    found = {
        (resource.kind, resource.name.strip())
        for resource in parse(text_of(file)).resources
        if resource.resolution is Resolution.STATIC and resource.kind not in ("division", "system-prompt")
    }
    row = table()[file.name]
    assert found == {
        (KINDS.get(kind.removesuffix(" (expression-literal)"), kind), name.strip()) for kind, name in row.others
    }


@each(FILES)
def test_no_reference_of_a_real_file_is_of_an_unknown_kind(file: Path) -> None:
    flow = parse(text_of(file))
    kinds = {reference.resolution for reference in (*flow.references, *flow.resources)}
    assert Resolution.UNKNOWN not in kinds


@each(TEMPLATES)
def test_templates_parse_once_rendered(file: Path) -> None:
    text = text_of(file)
    assert placeholders(text)
    values = {name: f"value of {name}" for name in placeholders(text)}
    flow = parse(render(text, values))
    assert flow.digest != parse(render(text, dict.fromkeys(values, "other"))).digest


@each(FILES)
def test_line_ends_do_not_change_a_digest(file: Path) -> None:
    text = text_of(file)
    unix = text.replace("\r\n", "\n")
    assert parse(unix).digest == parse(unix.replace("\n", "\r\n")).digest == parse(text).digest
