"""Any text is either read or refused with a place: nothing else comes out of the reader."""

from __future__ import annotations

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.domain.errors.manifest import FlowFileInvalid
from controller.flows.canonical import digest
from controller.flows.diff import diff_sources
from controller.flows.flow_file import parse
from controller.flows.loading import load_yaml
from controller.flows.source_nodes import source_graph

WORDS = ["inboundCall", "name", "tasks", "task", "actions", "refId", "outputs", "yes", "targetFlow", "lit", "exp"]
PIECES = st.sampled_from(
    [*WORDS, ":", ": ", "- ", "\n", "\r\n", "  ", "[", "]", "{", "}", "&a ", "*a", "<<", "!!int ", '"']
)
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=40).map("".join)
NESTED = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=400)
@given(TEXTS)
def test_reading_any_text_ends_in_a_value_or_in_a_place(text: str) -> None:
    place = (1, 1)
    try:
        digest(load_yaml(text))
    except FlowFileInvalid as error:
        place = (error.line, error.column)
    assert min(place) >= 1
    with contextlib.suppress(FlowFileInvalid):
        parse(text)


@settings(max_examples=300)
@given(NESTED, NESTED)
def test_content_of_any_shape_has_a_graph_and_a_diff(before: object, after: object) -> None:
    """Archy's words in impossible places raise nothing, and equal content never differs."""
    left, right = {"inboundCall": before}, {"inboundCall": after}
    graph = source_graph(left, "f")
    ids = {node.id for node in graph.nodes}
    assert all(edge.source in ids and edge.target in ids for edge in graph.edges)
    assert diff_sources(left, left).empty
    diff_sources(left, right)
