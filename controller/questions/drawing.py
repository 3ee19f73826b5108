"""A graph as an SVG picture, laid out by Graphviz' program `dot`."""

from __future__ import annotations

import os
import shutil
import subprocess

from controller.domain.errors import SettingsInvalid
from controller.graphs.model import Graph
from controller.graphs.pictures.svg import svg_document, svg_source

LONGEST_S = 120.0
_OTHERS = "pass --format dot or --format mermaid, which need no program"
_NEEDED = ("PATH", "HOME", "LANG", "LC_ALL", "XDG_CACHE_HOME", "FONTCONFIG_FILE", "FONTCONFIG_PATH", "SYSTEMROOT")


def graph_svg(graph: Graph) -> str:
    """The picture, ending with a newline. Raises SettingsInvalid when Graphviz is missing or cannot draw the graph."""
    program = shutil.which("dot")
    if program is None:
        raise SettingsInvalid(
            "SVG needs Graphviz, and its program `dot` is not on PATH", hint=f"install it, or {_OTHERS}"
        )
    # Graphviz needs none of our secrets.
    environment = {name: os.environ[name] for name in _NEEDED if name in os.environ}
    try:
        done = subprocess.run(
            [program, "-Tsvg"],
            input=svg_source(graph).encode(),
            capture_output=True,
            timeout=LONGEST_S,
            check=True,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise SettingsInvalid(f"Graphviz did not finish within {LONGEST_S:.0f} s", hint=_OTHERS) from None
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip()
        raise SettingsInvalid(f"Graphviz could not draw the graph: {reason}", hint=_OTHERS) from error
    except OSError as error:
        raise SettingsInvalid(f"Graphviz could not be started: {error.strerror}", hint=_OTHERS) from error
    return svg_document(done.stdout.decode())
