"""What a definition says of real flows is what their Archy files say."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from controller.flows.flow_file import parse
from controller.flows.nodes import definition_graph
from controller.flows.source_nodes import source_graph
from controller.genesys.versioned.versions import references_of
from controller.simulator.definition import definition
from controller.simulator.simulator import Simulator
from tests.flows.corpus import FILES, each, text_of
from tests.support.clock import SteppedClock


@pytest.mark.corpus
@each(FILES)
def test_nodes_ways_and_references_survive(file: Path) -> None:
    text = text_of(file)
    flow_file = parse(text)
    shown = definition(Simulator(SteppedClock()).organization, text)
    graph, source = definition_graph(shown, "f"), source_graph(flow_file.document, "f")
    assert graph.problems == ()
    assert set(source.nodes) <= set(graph.nodes)
    assert graph.edges == source.edges
    told = Counter((one.name, one.resolution) for one in references_of(shown))
    assert told == Counter((one.name, one.resolution) for one in flow_file.references)
