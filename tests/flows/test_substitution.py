"""Each value of `{{name}}` arrives in the flow as it is written, or is refused; no error repeats a value."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.errors.manifest import FlowFileInvalid
from controller.flows.flow_file import parse
from controller.flows.loading import load_yaml
from controller.flows.substitution import FlowTemplate, placeholders, render

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
PLAIN = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), max_size=12)
WRITTEN = st.text(st.characters(exclude_characters="{}", exclude_categories=["C", "Zl", "Zp"]), max_size=12)
"""What JSON and YAML write alike within double quotes."""


def refused(text: str, values: dict[str, str]) -> FlowFileInvalid:
    with pytest.raises(FlowFileInvalid) as caught:
        render(text, values)
    return caught.value


def test_placeholders_are_replaced_in_values_and_in_keys() -> None:
    text = "a: {{name}}\n{{category}}:\n  {{ name }}: x{{name}}y\n"
    assert load_yaml(render(text, {"name": "n", "category": "c"})) == {"a": "n", "c": {"n": "xny"}}


def test_blanks_inside_the_braces_do_not_count() -> None:
    assert render("{{ a }}|{{a}}|{{\ta }}", {"a": "1"}) == "1|1|1"


@pytest.mark.parametrize(
    "value",
    ["{b: [1, 2]}", "Press # now", "C:\\new\\table", "a: b", "- x", "*all", "&a", "!t x", "|", "> x", "--- x", "x, y",
     "]", "'", '"', "", " blank ", "two\nlines", "hi\n  division: Evil", "@home", "%x", "? x", "\u0085", "\x07",
     "\U0001f642"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: {{v}}\n", ("a",)),
        ("- {{ v }}\n", (0,)),
        ("a: [{{v}}, b]\n", ("a", 0)),
        ("a: {b: {{v}}}\nc: 1\n", ("a", "b")),
        ("a:\n  {{v}}\n", ("a",)),
    ],
)
def test_a_value_that_is_a_whole_plain_scalar_arrives_as_it_is_written(
    text: str, path: tuple[str | int, ...], value: str
) -> None:
    tree: object = load_yaml(render(text, {"v": value}))
    for step in path:
        tree = tree[step]  # type: ignore[index]
    assert tree == value


def test_a_value_is_quoted_as_a_key_as_well() -> None:
    assert load_yaml(render("{{v}}:\n  b: 1\n", {"v": "a: #1"})) == {"a: #1": {"b": 1}}


@pytest.mark.parametrize(("value", "read"), [("true", True), ("5", 5), ("null", None), ("0.50", 0.5), ("yes", "yes")])
def test_a_plain_value_keeps_the_type_that_the_text_gives_it(value: str, read: object) -> None:
    assert load_yaml(render("a: {{v}}\n", {"v": value})) == {"a": read}


@pytest.mark.parametrize(
    ("text", "value", "column"),
    [
        ('a: "Hi {{v}}"\n', 'say "x"', 8),
        ("a: Hello {{v}}\nb: 1\n", "Press # now", 10),
        ('a: "{{v}}"\n', "C:\\new", 5),
        ("a: 'it {{v}}'\n", "it's", 8),
        ("a: Hello {{v}}\n", "hi\n  division: Evil", 10),
        ("a: x{{v}}\n", " ", 5),
        ("a: {{v}}{{v}}\n", "", 4),
        ("&{{v}} a: 1\n", "b c: 2", 2),
    ],
)
def test_a_value_that_yaml_would_read_otherwise_is_refused_by_name(text: str, value: str, column: int) -> None:
    error = refused(text, {"v": value})
    assert "the value of {{v}}" in error.message
    assert (error.line, error.column) == (1, column)


def test_a_value_of_several_lines_is_refused_within_a_block_of_text() -> None:
    error = refused("a: |\n  x {{v}}\n  y\n", {"v": "1\n2"})
    assert (error.line, error.column) == (2, 5)


def test_a_value_cannot_change_what_follows_a_comment() -> None:
    assert load_yaml(render("a: 1 # {{v}}\nb: 2\n", {"v": "x\nc: 3"})) == {"a": 1, "b": 2}


def test_comments_need_no_value() -> None:
    text = "# {{author}}\na: {{v}} # {{when}}\n"
    assert placeholders(text) == ("v",)
    assert load_yaml(render(text, {"v": "1 # {{x}}"})) == {"a": "1 # {{x}}"}


def test_names_may_hold_blanks_and_other_characters() -> None:
    text = "a: Queue {{support queue}}\nb: {{ größe (1) }}\nc: '{{}} {{ }}'\n"
    assert placeholders(text) == ("support queue", "größe (1)")
    values = {"support queue": "Care", "größe (1)": "x"}
    assert load_yaml(render(text, values)) == {"a": "Queue Care", "b": "x", "c": "{{}} {{ }}"}


def test_literal_braces_are_text_that_a_value_can_give() -> None:
    text = "workflow: {name: W, description: 'Dear {{1}}'}"
    assert "its value is '{{1}}'" in str(refused(text, {}).hint)
    assert parse(render(text, {"1": "{{1}}"})).description == "Dear {{1}}"


def test_a_mistake_behind_a_value_of_several_lines_is_told_where_the_file_has_it() -> None:
    rendered = FlowTemplate("workflow:\n  a: {{v}} \n  b: x{{w}}\n  b: 2\n").render({"v": "1\n2\n3", "w": "longer"})
    with pytest.raises(FlowFileInvalid) as caught:
        parse(rendered.text)
    own = rendered.own(caught.value)
    assert (own.line, own.column) == (4, 3)


def test_a_file_that_is_no_yaml_with_any_values_is_refused_at_its_own_place() -> None:
    error = refused("a: {{v}}\nb: [{{v}}, {{v}}\n", {"v": "a long value"})
    assert error.line == 3


def test_braces_in_a_value_are_not_replaced_again() -> None:
    assert render("'{{a}} {{b}}'", {"a": "{{b}}", "b": "x"}) == "'{{b}} x'"


def test_backslashes_in_a_value_are_kept() -> None:
    assert render("{{a}}", {"a": r"\1\g<0>\n"}) == r"\1\g<0>\n"


def test_a_placeholder_without_a_value_is_named_at_its_place_with_the_near_miss() -> None:
    error = refused("a: 1\r\nb: {{ greting }}\n", {"greeting": "Hello"})
    assert (error.line, error.column) == (2, 4)
    assert "{{greting}}" in error.message
    assert error.hint == "did you mean 'greeting' for 'greting'?"


def test_all_missing_values_are_named_at_once() -> None:
    assert refused("{{b}} {{a}} {{b}}", {}).message == "no value for {{b}}, {{a}}"


def test_a_value_that_nothing_uses_is_named() -> None:
    error = refused("a: {{a}}", {"a": "1", "colour": "red"})
    assert "'colour'" in error.message
    assert "{{a}}" in str(error.hint)


@pytest.mark.parametrize("value", [1, True, None, ["x"], {"a": 1}])
def test_a_value_that_is_not_text_is_refused(value: object) -> None:
    assert "not text" in refused("{{a}}", {"a": value}).message  # type: ignore[dict-item]


@pytest.mark.parametrize("text", ["{{secret}} {{missing}}", "nothing here", "{{secrte}}"])
def test_errors_never_repeat_a_value(text: str) -> None:
    error = refused(text, {"secret": "hunter2-hunter2"})
    assert "hunter2" not in f"{error} {error.message} {error.hint}"


@given(st.lists(st.tuples(WRITTEN, NAMES), max_size=6), WRITTEN, st.data())
def test_any_values_arrive_within_quoted_text_or_are_refused(
    parts: list[tuple[str, str]], tail: str, data: st.DataObject
) -> None:
    values = {name: data.draw(st.text(max_size=8)) for _, name in parts}
    text = json.dumps("".join(f"{before}{{{{{name}}}}}" for before, name in parts) + tail, ensure_ascii=False)
    try:
        rendered = render(text, values)
    except FlowFileInvalid:
        return
    assert load_yaml(rendered) == "".join(before + values[name] for before, name in parts) + tail


@given(PLAIN)
def test_a_text_without_placeholders_is_left_alone(text: str) -> None:
    assert render(text, {}) == text
