"""`{{name}}` is replaced in the text, everywhere, once; what is missing or superfluous is said, values never are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.errors import FlowFileInvalid
from controller.flows import load_yaml, placeholders, render

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.-]{0,8}", fullmatch=True)
PLAIN = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), max_size=12)


def refused(text: str, values: dict[str, str]) -> FlowFileInvalid:
    with pytest.raises(FlowFileInvalid) as caught:
        render(text, values)
    return caught.value


def test_placeholders_are_replaced_in_values_and_in_keys() -> None:
    text = "a: {{name}}\n{{category}}:\n  {{ name }}: x{{name}}y\n"
    assert load_yaml(render(text, {"name": "n", "category": "c"})) == {"a": "n", "c": {"n": "xny"}}


def test_blanks_inside_the_braces_do_not_count() -> None:
    assert render("{{ a }}|{{a}}|{{\ta }}", {"a": "1"}) == "1|1|1"


def test_values_bring_their_yaml_with_them_as_archy_inserts_them() -> None:
    assert load_yaml(render("a: {{v}}", {"v": "{b: [1, 2]}"})) == {"a": {"b": [1, 2]}}


def test_braces_in_a_value_are_not_replaced_again() -> None:
    assert render("{{a}} {{b}}", {"a": "{{b}}", "b": "x"}) == "{{b}} x"


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


@given(st.lists(st.tuples(PLAIN, NAMES), max_size=6), PLAIN, st.data())
def test_rendering_joins_the_text_around_placeholders_with_their_values(
    parts: list[tuple[str, str]], tail: str, data: st.DataObject
) -> None:
    values = {name: data.draw(st.text(max_size=8)) for _, name in parts}
    text = "".join(f"{before}{{{{{name}}}}}" for before, name in parts) + tail
    assert set(placeholders(text)) == set(values)
    assert render(text, values) == "".join(before + values[name] for before, name in parts) + tail


@given(PLAIN)
def test_a_text_without_placeholders_is_left_alone(text: str) -> None:
    assert render(text, {}) == text
