"""A flow file describes exactly one flow: its root key is the type, its name is kept letter by letter."""

from __future__ import annotations

import pytest

from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.identity import FlowKey, FlowType
from controller.flows.flow_file import parse
from controller.flows.roots import ARCHY_ROOTS


def refused(text: str) -> FlowFileInvalid:
    with pytest.raises(FlowFileInvalid) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize("root", ARCHY_ROOTS)
def test_the_root_key_gives_the_type(root: str) -> None:
    flow = parse(f"{root}:\n  name: Main\n")
    assert flow.key == FlowKey(ARCHY_ROOTS[root], "Main")
    assert flow.root == root


def test_every_type_of_the_api_has_a_root() -> None:
    assert set(ARCHY_ROOTS.values()) == set(FlowType)


@pytest.mark.parametrize("name", ["Main ", " Main", "a|b<c>", "it's \U0001f600", "O'Brien/Sales (1)"])
def test_a_name_is_kept_letter_by_letter(name: str) -> None:
    assert parse(f'inboundCall:\n  name: "{name}"').key.name == name


def test_the_settings_that_people_look_for_are_read() -> None:
    flow = parse("workflow: {name: W, description: '', division: Home, defaultLanguage: en-us}")
    assert (flow.description, flow.division, flow.default_language) == ("", "Home", "en-us")
    assert parse("workflow: {name: W}").division is None


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, 1, "is empty"),
        ("{}", 1, 1, "is empty"),
        ("- inboundCall", 1, 1, "flow type"),
        ("just text", 1, 1, "flow type"),
        ("\n\ninqueuecall:\n  name: x", 3, 1, "'inqueuecall' is not a flow type"),
        ("inboundCall: {name: a}\nworkflow: {name: b}", 2, 1, "second flow"),
        ("inboundCall:", 1, 1, "no settings"),
        ("inboundCall: [a]", 1, 1, "no settings"),
        ("inboundCall:\n  division: Home", 1, 1, "has no name"),
        ("inboundCall:\n  division: Home\n  name: 2024", 3, 3, "name must be text"),
        ("inboundCall:\n  name: ''", 2, 3, "name must be text"),
        ("inboundCall:\n  name: '  '", 2, 3, "name must be text"),
        ("inboundCall:\n  name: {lit: a}", 2, 3, "name must be text"),
        ("inboundCall:\n  name: a\n  division: [x]", 3, 3, "division must be text"),
        ("inboundCall:\n  name: {{flow_name}}", 2, 10, "mapping key must be text"),
    ],
)
def test_a_file_that_is_not_one_flow_is_refused_at_its_place(text: str, line: int, column: int, words: str) -> None:
    error = refused(text)
    assert words in error.message
    assert (error.line, error.column) == (line, column)
    assert error.hint


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("inQueueCall", "inqueueCall"),
        ("inboundcall", "inboundCall"),
        ("bot", "botFlow"),
        ("digitalBotFlow", "digitalBot"),
    ],
)
def test_an_unknown_root_suggests_the_one_that_was_meant(wrong: str, meant: str) -> None:
    assert refused(f"{wrong}: {{name: x}}").hint == f"did you mean {meant!r}?"


def test_an_unknown_root_that_is_near_nothing_lists_the_known_ones() -> None:
    assert "inboundCall" in str(refused("zzzz: {name: x}").hint)


def test_a_flow_file_does_not_show_its_content_when_printed() -> None:
    assert "hunter2" not in repr(parse("workflow: {name: W, variables: [{lit: hunter2}]}"))
