"""The quick reader of flow files agrees with the careful one on every text, or leaves it to that one."""

from __future__ import annotations

import hashlib

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from controller.domain.errors.manifest import FlowFileInvalid
from controller.flows.canonical import digest
from controller.flows.loading import MAXIMUM_DEPTH, MAXIMUM_NODES, load_document
from controller.flows.plain_reader import read_plain
from controller.flows.yaml_reader import YamlNode, YamlRules, read_nodes

RULES = YamlRules(depth=6, values=12, key_hint="hint")
WORDS = ("a", "b", "1", "0x1f", ".5", "~", "yes", "true", "''", '"b"', "é", "9" * 401, "%YAML 1.2\n", "\t", "\0")
SIGNS = (": ", ":", "- ", "? ", "{", "}", "[", "]", ", ", "&x ", "*x", "!!str ", "!!int ", "! ", "!own ", "<<", "#")
ENDS = ("\n", "\n ", "\n  ", "\n    ", " ", "---\n", "...\n", "|\n", ">-\n")
PIECES = st.sampled_from((*WORDS, *SIGNS, *ENDS))
TEXTS = st.lists(PIECES, max_size=24).map("".join)
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


def careful(text: str) -> list[YamlNode]:
    return list(read_nodes(text, RULES))


def begins(node: YamlNode) -> dict[str, tuple[int, int]]:
    """Where the mappings begin, by their path."""
    if isinstance(node.value, dict):
        inner = {f"{key}/{path}": at for key, each in node.value.items() for path, at in begins(each).items()}
        return {"": node.position} | inner
    if isinstance(node.value, list):
        return {f"{i}/{path}": at for i, each in enumerate(node.value) for path, at in begins(each).items()}
    return {}


@given(TEXTS | NESTED.map(yaml.safe_dump) | NESTED.map(lambda value: yaml.safe_dump(value, default_flow_style=True)))
@example("a: 1\na: 2\n\0")
@example("a: 1\n--- b\n\0")
@example("a: [[[[[[1]]]]]]\n\0")
@example("[" + "1, " * 20 + "\0")
@example("? [a]\n: b\n\0")
def test_what_the_quick_reader_reads_is_what_the_careful_one_reads(text: str) -> None:
    try:
        quick = read_plain(text, depth=RULES.depth, values=RULES.values)
    except FlowFileInvalid as error:
        with pytest.raises(FlowFileInvalid) as caught:
            careful(text)
        both = [(each.line, each.column, each.message) for each in (error, caught.value)]
        assert both[0] == both[1]
        return
    if quick is None:
        return
    nodes = careful(text)
    assert repr(quick.value) == repr(nodes[0].plain() if nodes else None)


@given(NESTED.map(yaml.safe_dump))
def test_both_readers_tell_the_same_beginnings_of_mappings(text: str) -> None:
    document = load_document(text)
    node = next(read_nodes(text, YamlRules(MAXIMUM_DEPTH, MAXIMUM_NODES)))

    def told(value: object) -> dict[str, tuple[int, int] | None]:
        if isinstance(value, dict):
            inner = {f"{key}/{path}": at for key, each in value.items() for path, at in told(each).items()}
            return {"": document.begin_of(value)} | inner
        if isinstance(value, list):
            return {f"{i}/{path}": at for i, each in enumerate(value) for path, at in told(each).items()}
        return {}

    assert told(document.value) == begins(node)


@pytest.mark.parametrize(
    "text", ["a: &x 1\nb: *x", "a: !!str 1", "a: 1\na: 2", "<<: 1", "a: 1\n---\nb: 1", "? [a]\n: 1", f"a: {'9' * 401}"]
)
def test_the_quick_reader_leaves_what_is_not_plain(text: str) -> None:
    assert read_plain(text, depth=MAXIMUM_DEPTH, values=MAXIMUM_NODES) is None


def test_a_plain_flow_needs_only_the_quick_reader() -> None:
    text = "inboundCall:\n  name: 'Desk'\n  tasks:\n    - task: {refId: a, count: 3, on: yes}\n"
    quick = read_plain(text, depth=MAXIMUM_DEPTH, values=MAXIMUM_NODES)
    assert quick is not None
    assert quick.value == {
        "inboundCall": {"name": "Desk", "tasks": [{"task": {"refId": "a", "count": 3, "on": "yes"}}]}
    }


def test_the_canonical_form_is_the_one_that_records_hold() -> None:
    """Recorded digests must keep their meaning: another form would publish every flow again."""
    document = {
        "b": [1, 2.5, None, True, [], {}],
        "ä€": {"trackingId": 5, "x": "é", "referencedObjects": {"flows": []}},
        "a": {"inner": {"referencedObjects": ["kept"], "trackingId": {"lit": 1}}},
    }
    form = (
        b"m3:s1:am1:s5:innerm2:s10:trackingIdm1:s3:liti1;s17:referencedObjectsl1:s4:kept"
        b"s1:bl6:i1;f2.5;n;b1;l0:m0:" + "s5:ä€m1:s1:xs2:é".encode()
    )
    assert digest(document) == f"sha256:{hashlib.sha256(form).hexdigest()}"
