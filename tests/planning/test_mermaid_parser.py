"""Mermaid's own parser reads the exports, and finds in them just the names that were put in."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from controller.domain.visible import visible
from controller.graphs.model import Edge, EdgeKind, Graph, Node, Presence
from controller.graphs.pictures.languages import graph_mermaid
from tests.support.node import installed, run

PACKAGES = ("mermaid@11.17.2", "jsdom@29.1.1")
SCRIPT = Path(__file__).parent / "javascript" / "parse.mjs"
_CODE = re.compile("ﬂ°°(\\d+)¶ß")
"""How the parser holds a character that was written as its code, until the picture is drawn."""

NAMES = [
    'quote " end',
    "back\\slash\\",
    "<b>&amp;</b>",
    "new\r\nline",
    "| pipe ] ) }",
    "😀 客服 ",
    "--> -- end",
    "subgraph",
    "end",
    "#quot; `x` ~~~ %% note",
    "click n0 call alert(1)",
    ":::className",
]


@pytest.fixture(scope="module")
def mermaid() -> Path:
    """The folder that holds the parser. Skips where it cannot be installed."""
    return installed(*PACKAGES)


def _parsed(mermaid: Path, graph: Graph, home: Path) -> Any:
    return run(SCRIPT, str(mermaid), home=home, given=graph_mermaid(graph))


def _shown(label: str) -> str:
    return _CODE.sub(lambda match: chr(int(match[1])), label)


def test_mermaids_own_parser_finds_every_name_and_every_edge(mermaid: Path, tmp_path: Path) -> None:
    """Boxes of all kinds, edges of all kinds with labels, and colours."""
    nodes = tuple(
        Node(f"{place:02}", name, "inboundcall", managed=place % 3 != 1, resource=place % 3 == 2, presence=presence)
        for place, (name, presence) in enumerate(zip(NAMES, list(Presence) * 4, strict=True))
    )
    edges = tuple(
        Edge(one.key, other.key, kind, other.name, Presence.LIVE)
        for (one, other), kind in zip(pairwise(nodes), list(EdgeKind) * 3, strict=False)
    )
    found = _parsed(mermaid, Graph(nodes, edges), tmp_path)
    assert found["type"].startswith("flowchart")
    assert [_shown(text).rpartition("<br>")[0] for text in found["nodes"]] == [visible(name) for name in NAMES]
    assert [(edge[0], edge[1]) for edge in found["edges"]] == [(f"n{place}", f"n{place + 1}") for place in range(11)]
    assert [_shown(edge[2]) for edge in found["edges"]] == [f"{visible(name)}, only live" for name in NAMES[1:]]


def test_mermaids_own_parser_reads_a_graph_without_edges(mermaid: Path, tmp_path: Path) -> None:
    assert _parsed(mermaid, Graph((Node("a", "A", "inboundcall"),)), tmp_path)["edges"] == []
