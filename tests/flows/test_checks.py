"""What Genesys would refuse in a flow file is told with line and column, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.flows.checks import mistakes, nested_modules
from controller.flows.flow_file import parse
from controller.flows.substitution import placeholders, render
from tests.flows.corpus import FILES, TEMPLATES, each, text_of

MENU = """\
inboundCall:
  name: A
  startUpRef: /inboundCall/menus/menu[main]
  menus:
    - menu:
        name: Main
        refId: main
        defaultChildMenuRef: ./choices/menuDisconnect[bye]
        choices:
          - menuSubMenu:
              name: Sub
              refId: sub
              choices:
                - menuJumpToMenu:
                    name: Back
                    targetMenuRef: ../../../..
                - menuJumpToMenu:
                    name: Back again
                    targetMenuRef: ../../../../../menu[main]
          - menuDisconnect: {name: Bye, refId: bye}
"""


def told(text: str) -> list[tuple[int | None, int | None, str, str | None]]:
    return [(each.line, each.column, each.message, each.hint) for each in mistakes(text, parse(text))]


def test_references_that_lead_somewhere_are_no_mistake() -> None:
    assert told(MENU) == []


@pytest.mark.parametrize(
    ("right", "wrong", "line", "column", "words", "hint"),
    [
        ("menu[main]\n  menus", "menu[mian]\n  menus", 3, 3, "there is no 'menu[mian]'", "did you mean 'menu[main]'?"),
        ("/menus/menu[main]\n  m", "/tasks/task[x]\n  m", 3, 3, "there is no 'tasks'", "there is menus"),
        (
            "menuDisconnect[bye]",
            "menuDisconnect[gone]",
            8,
            9,
            "there is no 'menuDisconnect[gone]'",
            "menuDisconnect[bye]",
        ),
        ("../../../..\n", "../../../../../../../..\n", 16, 21, "leads above the flow", "shorten it"),
        ("../../../../../menu[main]", "./menu[main]", 19, 21, "there is no 'menu[main]'", "remove it"),
    ],
)
def test_a_reference_that_leads_nowhere_is_told_with_what_is_there(
    right: str, wrong: str, line: int, column: int, words: str, hint: str
) -> None:
    ((*place, message, said),) = told(MENU.replace(right, wrong, 1))
    assert place == [line, column]
    assert words in message
    assert hint in str(said)


@pytest.mark.parametrize("key", ["refArray", "ref"])
def test_another_file_that_archy_would_merge_is_a_mistake_with_the_way_out(key: str) -> None:
    text = f"workflow:\n  name: W\n  states:\n    - {key}: ./common.yaml#/common/states/state[a]\n"
    ((line, column, message, hint),) = told(text)
    assert (line, column) == (4, 7)
    assert "'./common.yaml'" in message
    assert "archy preprocess" in str(hint)


def test_a_start_in_another_file_is_a_mistake() -> None:
    assert "another file" in told("workflow:\n  name: W\n  startUpRef: shared/s.yaml#/c/states/state[a]\n")[0][2]


@pytest.mark.parametrize(
    "text",
    [
        "workflow: {name: W, customerRef: {var: Flow.x}, orderRef: '#12', otherRef: see a/b}",
        "workflow: {name: W, data: {ref: 'x#1', more: 1}}",
        "workflow: {name: W, states: [{state: {name: S, refId: a, actions: [{x: {refId: a}}]}}]}",
    ],
)
def test_what_only_looks_like_a_reference_is_none(text: str) -> None:
    assert told(text) == []


def test_a_ref_id_that_stands_twice_in_one_list_is_told_at_the_second() -> None:
    text = MENU.replace("refId: bye}", "refId: sub}").replace("menuDisconnect[bye]", "menuDisconnect[sub]")
    ((line, column, message, _),) = told(text)
    assert (line, column) == (20, 41)
    assert "'sub' occurs twice" in message


@pytest.mark.parametrize(
    ("root", "name", "words"),
    [
        ("inboundCall", "n" * 201, "201 characters"),
        ("workitem", "a/b", "workitem"),
        ("workitem", "work-debug", "workitem"),
    ],
)
def test_names_that_genesys_refuses_are_told(root: str, name: str, words: str) -> None:
    ((line, column, message, _),) = told(f"{root}:\n  name: {name}\n")
    assert (line, column) == (2, 3)
    assert words in message


@pytest.mark.parametrize(("root", "name"), [("inboundCall", "n" * 200), ("inboundCall", "a/b-debug")])
def test_names_that_genesys_takes_are_no_mistake(root: str, name: str) -> None:
    assert told(f"{root}: {{name: {name}}}") == []


@pytest.mark.corpus
@each([*FILES, *TEMPLATES])
def test_no_real_file_has_a_mistake(file: Path) -> None:
    text = text_of(file)
    rendered = render(text, {name: f"value of {name}" for name in placeholders(text)})
    assert told(rendered) == []
    flow = parse(rendered)
    assert nested_modules(flow.key.type, flow.references) == ()


@pytest.mark.corpus
@each([*FILES, *TEMPLATES])
def test_each_reference_of_a_real_file_has_its_line_and_its_action(file: Path) -> None:
    text = text_of(file)
    rendered = render(text, {name: f"value of {name}" for name in placeholders(text)})
    lines = rendered.splitlines()
    for reference in parse(rendered).references:
        assert reference.position is not None
        assert reference.name in lines[reference.position[0] - 1]
        assert f"({reference.action})" in reference.where
