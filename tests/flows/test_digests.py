"""Two documents have one digest exactly when they say the same."""

from __future__ import annotations

import copy
import random
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.flows.canonical import digest
from controller.flows.flow_file import parse
from controller.flows.loading import load_yaml

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6)
KEYS = st.text(max_size=6).filter(lambda key: key not in ("trackingId", "referencedObjects"))
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


def shuffled(value: object, order: random.Random) -> object:
    if isinstance(value, Mapping):
        items = [(key, shuffled(item, order)) for key, item in value.items()]
        order.shuffle(items)
        return dict(items)
    return [shuffled(item, order) for item in value] if isinstance(value, list) else value


def same(left: object, right: object) -> bool:
    """Equality that keeps types apart, as `1 == True == 1.0` does not."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return type(left) is type(right) and repr(left) == repr(right)


@given(DOCUMENTS, st.randoms())
def test_the_order_of_keys_does_not_count(document: object, order: random.Random) -> None:
    assert digest(shuffled(document, order)) == digest(document)


@given(DOCUMENTS, DOCUMENTS)
def test_digests_differ_exactly_when_documents_do(left: object, right: object) -> None:
    assert (digest(left) == digest(right)) is same(left, right)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": "1"}, {"a": 1}),
        ({"a": 1}, {"a": 1.0}),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {"a": "null"}),
        ({"a": None}, {}),
        ({"a": []}, {"a": {}}),
        (["ab", "c"], ["a", "bc"]),
        ([["a"], "b"], [["a", "b"]]),
        ({"a": {"b": 1}, "c": 2}, {"a": {"b": 1, "c": 2}}),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}),
        (["a", "b"], ["b", "a"]),
        ({"a": "x "}, {"a": "x"}),
    ],
)
def test_near_twins_differ(left: object, right: object) -> None:
    assert digest(left) != digest(right)


def test_a_digest_is_pinned_for_ever() -> None:
    """Recorded digests live in git: a change of the canonical form would look like a change of every flow."""
    document = {"inboundCall": {"name": "Main", "n": [1, 2.5, None, True, "ä"]}}
    assert digest(document) == "sha256:faee4dec29fe6b8178fe0bed150094043825e24e9960046926fccdfdef8e3f0f"


ACTION = {
    "inboundCall": {"name": "M", "tasks": [{"task": {"actions": [{"playAudio": {"name": "P", "trackingId": 12}}]}}]}
}


def test_tracking_numbers_do_not_count() -> None:
    other = copy.deepcopy(ACTION)
    other["inboundCall"]["tasks"][0]["task"]["actions"][0]["playAudio"]["trackingId"] = 99  # type: ignore[index]
    assert digest(other) == digest(ACTION)


def test_an_input_that_happens_to_be_called_tracking_id_counts() -> None:
    def call(value: str) -> object:
        return {"workflow": {"callData": {"inputs": {"trackingId": {"lit": value}}}}}

    assert digest(call("a")) != digest(call("b"))


def test_the_index_of_referenced_objects_does_not_count() -> None:
    indexed = {"inboundCall": {**ACTION["inboundCall"], "referencedObjects": {"flows": [{"flow": {"name": "X"}}]}}}
    assert digest(indexed) == digest(ACTION)


def test_the_index_counts_where_it_is_content() -> None:
    nested = {"workflow": {"a": {"b": {"referencedObjects": {"x": 1}}}}}
    assert digest(nested) != digest({"workflow": {"a": {"b": {}}}})


def test_formatting_does_not_count() -> None:
    block = 'inboundCall:\n  name: Main\n  exp: "a\\nb"\n  list:\n    - 1\n'
    flow = '# comment\n{inboundCall: {list: [ 1 ], name: "Main", "exp": "a\\nb"}}\n'
    assert parse(block).digest == parse(flow).digest == digest(load_yaml(block))


def test_a_digest_of_deep_content_needs_no_recursion() -> None:
    deep: object = "x"
    for _ in range(50_000):
        deep = [deep]
    assert digest(deep).startswith("sha256:")


def test_what_is_not_content_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        digest({"a": {1, 2}})
