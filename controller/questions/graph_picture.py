"""Draws a graph as SVG with Graphviz, whose program `dot` runs with a time limit and without our secrets."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

from controller.domain.errors.process import SettingsInvalid
from controller.graphs.model import Graph, Node
from controller.graphs.pictures.svg import svg_document, svg_source

_LONGEST_S = 120.0
_OTHERS = "pass --format dot or --format mermaid, which need no program"
_NEEDED = ("PATH", "HOME", "LANG", "LC_ALL", "XDG_CACHE_HOME", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "SYSTEMROOT")
"""The environment of Graphviz, which needs none of our secrets."""


def graph_svg(
    graph: Graph, address: Callable[[Node], str | None] = lambda _: None, *, longest_s: float = _LONGEST_S
) -> str:
    """The picture that Graphviz lays out within `longest_s` seconds, ending with a newline; `address` as svg_source's.

    Raises SettingsInvalid when its program `dot` is missing or cannot draw the graph.
    """
    program = shutil.which("dot")
    if program is None:
        raise SettingsInvalid(
            "SVG needs Graphviz, and its program `dot` is not on PATH", hint=f"install it, or {_OTHERS}"
        )
    environment = {name: os.environ[name] for name in _NEEDED if name in os.environ}
    try:
        done = subprocess.run(
            [program, "-Tsvg"],
            input=svg_source(graph, address).encode(),
            capture_output=True,
            timeout=longest_s,
            check=True,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise SettingsInvalid(f"Graphviz did not finish within {longest_s:.0f} s", hint=_OTHERS) from None
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip()
        raise SettingsInvalid(f"Graphviz could not draw the graph: {reason}", hint=_OTHERS) from error
    except OSError as error:
        raise SettingsInvalid(f"Graphviz could not be started: {error.strerror}", hint=_OTHERS) from error
    return svg_document(done.stdout.decode())
