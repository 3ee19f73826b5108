"""YAML 1.2, one document, bounded: what is refused names its line and column."""

from __future__ import annotations

import math

import pytest

from controller.domain.errors.manifest import FlowFileInvalid
from controller.flows.loading import MAXIMUM_DEPTH, MAXIMUM_NODES, load_yaml


def refused(text: str) -> FlowFileInvalid:
    with pytest.raises(FlowFileInvalid) as caught:
        load_yaml(text)
    return caught.value


@pytest.mark.parametrize(
    "word", ["yes", "no", "on", "off", "Yes", "NO", "y", "n", "2024-01-31", "12:30:00", "1_000", "=", "<"]
)
def test_words_that_yaml_1_1_would_convert_stay_text_as_keys_and_values(word: str) -> None:
    assert load_yaml(f"{word}: {word}") == {word: word}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("0o17", 15),
        ("0xFF", 255),
        ("-12", -12),
        ("012", 12),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("-.inf", -math.inf),
        ("'1'", "1"),
        ('"true"', "true"),
        ("!!str 1", "1"),
        ("! 1", "1"),
        ("!!int '3'", 3),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    loaded = load_yaml(f"a: {text}")
    assert loaded == {"a": value}
    assert isinstance(loaded, dict)
    assert type(loaded["a"]) is type(value)


def test_keys_are_text_as_written() -> None:
    assert load_yaml("1: a\ntrue: b\n~: c\n1.0: d") == {"1": "a", "true": "b", "~": "c", "1.0": "d"}


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2", 4, 3, '"c" occurs twice'),
        ('a: 1\n"a": 2', 2, 1, '"a" occurs twice'),
        ("1: a\n'1': b", 2, 1, '"1" occurs twice'),
        ("a: 1\n---\nb: 2", 2, 1, "second document"),
        ("a: &x 1\n<<: *x", 2, 1, "merge keys"),
        ("name: {{flow_name}}", 1, 8, "not a collection"),
        ("? [a]\n: b", 1, 3, "not a collection"),
        ("a: [1, 2", 2, 1, "not valid YAML"),
        ("a:\n\tb: 1", 2, 1, "not valid YAML"),
        ("a: 'x", 1, 6, "not valid YAML"),
        ("a: !!python/object/apply:os.system [ls]", 1, 4, "tag"),
        ("a: !secret x", 1, 4, "tag"),
        ("a: !!int x", 1, 4, "not a number"),
        ("a: !!bool maybe", 1, 4, "true or false"),
        (f"a: {'9' * 5000}", 1, 4, "digits"),
        ("a: *nowhere", 1, 4, "no anchor"),
        ("a: &k x\n*k : 1", 2, 1, "an alias cannot be a key"),
        ("a: &self [*self]", 1, 11, "is inside the value that it repeats"),
        ("a:\n  b: \x01", 2, 6, "control character"),
        ("a: \x00", 1, 4, "control character"),
        ("a:\n b: \ud800", 2, 5, "surrogate"),
    ],
)
def test_what_is_refused_names_its_place(text: str, line: int, column: int, words: str) -> None:
    error = refused(text)
    assert words in error.message
    assert (error.line, error.column) == (line, column)


def test_a_byte_order_mark_and_windows_line_ends_are_read() -> None:
    assert load_yaml("\ufeffa: 1\r\nb: |\r\n  x\r\n  y\r\n") == {"a": 1, "b": "x\ny\n"}


def test_a_quoted_merge_key_is_a_plain_key() -> None:
    assert load_yaml('"<<": 1') == {"<<": 1}


def test_aliases_repeat_their_anchor() -> None:
    assert load_yaml("a: &x {b: [1]}\nc: *x\n&k key: &v 1\nother: [*v, *k]") == {
        "a": {"b": [1]},
        "c": {"b": [1]},
        "key": 1,
        "other": [1, "key"],
    }


def test_an_alias_bomb_is_refused_before_it_is_expanded() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 10)}]" for level in range(1, 30)]
    assert f"more than {MAXIMUM_NODES}" in refused("\n".join(lines)).message


def test_aliases_that_nest_deeper_than_allowed_are_refused() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{level}: &a{level} [*a{level - 1}]" for level in range(1, MAXIMUM_DEPTH + 5)]
    assert "nested deeper" in refused("\n".join(lines)).message


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_deep_nesting_is_refused_without_exhausting_the_stack(opening: str) -> None:
    assert "nested deeper" in refused(opening * 20_000).message


def test_nesting_up_to_the_limit_is_read() -> None:
    depth = MAXIMUM_DEPTH - 1
    value = load_yaml("[" * depth + "]" * depth)
    for _ in range(depth - 1):
        assert isinstance(value, list)
        value = value[0]
    assert value == []


def test_a_file_that_is_too_large_is_refused_unread() -> None:
    assert "characters" in refused("#" * 20_000_001).message


def test_an_empty_text_is_nothing() -> None:
    assert load_yaml("") is None
    assert load_yaml("# only a comment\n") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'{"a": "x \ud83d\ude42 y", "\uD83D\uDE42": 1}', {"a": "x \U0001f642 y", "\U0001f642": 1}),
        (r'{"a": "\\ud83d\\ude42"}', {"a": r"\ud83d\ude42"}),
        (r"a: \ud83d\ude42", {"a": r"\ud83d\ude42"}),
        (r"a: '\uD83D\\ud83d'", {"a": r"\uD83D\\ud83d"}),
    ],
)
def test_one_character_that_json_writes_as_a_pair_of_escapes_is_read(text: str, value: object) -> None:
    assert load_yaml(text) == value


@pytest.mark.parametrize("text", [r'a: ["x", "\ud83d"]', r'a: ["x", "\ude42\ud83d"]'])
def test_half_of_a_pair_of_escapes_is_refused_at_its_place(text: str) -> None:
    error = refused(text)
    assert "half of a surrogate pair" in error.message
    assert (error.line, error.column) == (1, 10)


def test_a_mistake_behind_a_pair_of_escapes_keeps_its_place() -> None:
    error = refused('{"a": "\\ud83d\\ude42", "b": 1, "b": 2}')
    assert (error.line, error.column) == (1, 31)
