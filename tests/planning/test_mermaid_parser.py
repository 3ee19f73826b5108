"""Mermaid's own parser reads the exports, and finds in them just the names that were put in.

Needs Node and its package registry; skipped where either is missing, except in CI, where a Node that is there is used.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from controller.domain.visible import visible
from controller.graphs.model import Edge, EdgeKind, Graph, Node, Presence
from controller.graphs.pictures.languages import graph_mermaid

PACKAGES = ("mermaid@11.17.2", "jsdom@29.1.1")
SCRIPT = Path(__file__).parent / "javascript" / "parse.mjs"
IN_CI = os.environ.get("CI", "").lower() == "true"
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
    """The folder that holds the parser, installed once for this machine. Skips where it cannot be."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node is not installed")
    kept = Path(tempfile.gettempdir()) / f"penstock-tests-{os.getuid()}-{'-'.join(PACKAGES)}"
    if not kept.exists():
        _install(kept)
    return kept


def _install(kept: Path) -> None:
    """Into a folder beside it first, so that nobody meets half an installation."""
    fresh = Path(tempfile.mkdtemp(dir=kept.parent))
    options = ["--no-audit", "--no-fund", "--no-save", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
    command = ["npm", "install", "--prefix", str(fresh), *options, *PACKAGES]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
        fault = done.stderr if done.returncode else ""
    except subprocess.TimeoutExpired:
        fault = "the registry did not answer in time"
    if not fault:
        with contextlib.suppress(OSError):  # somebody else was first
            fresh.rename(kept)
    shutil.rmtree(fresh, ignore_errors=True)
    if fault and IN_CI:
        pytest.fail(f"Mermaid could not be installed: {fault}")
    if fault:
        pytest.skip("Mermaid could not be installed")


def _parsed(mermaid: Path, graph: Graph) -> Any:
    done = subprocess.run(
        ["node", str(SCRIPT), str(mermaid)],
        input=graph_mermaid(graph).encode(),
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def _shown(label: str) -> str:
    return _CODE.sub(lambda match: chr(int(match[1])), label)


def test_mermaids_own_parser_finds_every_name_and_every_edge(mermaid: Path) -> None:
    """Boxes of all kinds, edges of all kinds with labels, and colours."""
    nodes = tuple(
        Node(f"{place:02}", name, "inboundcall", managed=place % 3 != 1, resource=place % 3 == 2, presence=presence)
        for place, (name, presence) in enumerate(zip(NAMES, list(Presence) * 4, strict=True))
    )
    edges = tuple(
        Edge(one.key, other.key, kind, other.name, Presence.LIVE)
        for (one, other), kind in zip(pairwise(nodes), list(EdgeKind) * 3, strict=False)
    )
    found = _parsed(mermaid, Graph(nodes, edges))
    assert found["type"].startswith("flowchart")
    assert [_shown(text).rpartition("<br>")[0] for text in found["nodes"]] == [visible(name) for name in NAMES]
    assert [(edge[0], edge[1]) for edge in found["edges"]] == [(f"n{place}", f"n{place + 1}") for place in range(11)]
    assert [_shown(edge[2]) for edge in found["edges"]] == [f"{visible(name)}, only live" for name in NAMES[1:]]


def test_mermaids_own_parser_reads_a_graph_without_edges(mermaid: Path) -> None:
    assert _parsed(mermaid, Graph((Node("a", "A", "inboundcall"),)))["edges"] == []
