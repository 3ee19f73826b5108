"""Charts of the results as SVG pictures, drawn by pygal; no scripts and no fonts are loaded from elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import pygal
from pygal.style import Style

# pygal answers every import of a process from then on, to find its plug-ins, in a way that Python warns of.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]
_STYLE = Style(
    background="white",
    plot_background="white",
    font_family="sans-serif",
    label_font_size=13,
    major_label_font_size=13,
    value_font_size=13,
    value_label_font_size=13,
    legend_font_size=13,
    title_font_size=16,
    colors=("#1b6ca8", "#d98324", "#6b7a8f", "#a23b3b"),
    value_colors=("black",) * 4,
    guide_stroke_color="#dddddd",
    major_guide_stroke_color="#dddddd",
)
_ROW_HEIGHT, _REST_HEIGHT, _WIDTH = 34, 120, 820


def bars(path: Path, title: str, unit: str, values: Mapping[str, Mapping[str, float]]) -> None:
    """Draw horizontal bars, a group for each label and a colour for each series: `{series: {label: value}}`."""
    labels = list(dict.fromkeys(label for series in values.values() for label in series))
    chart = pygal.HorizontalBar(
        style=_STYLE,
        js=(),
        title=f"{title} ({unit})",
        width=_WIDTH,
        height=_REST_HEIGHT + _ROW_HEIGHT * len(labels) * len(values),
        print_values=True,
        show_legend=len(values) > 1,
        legend_at_bottom=True,
        legend_at_bottom_columns=2,
        x_label_rotation=0,
        value_formatter=_shown,
        truncate_label=-1,
        truncate_legend=-1,
        range=(0, max(value for series in values.values() for value in series.values()) * 1.1),
    )
    chart.uuid = path.stem
    # The lowest bar is the first: what is named first comes on top.
    chart.x_labels = labels[::-1]
    for series, points in values.items():
        chart.add(series, [points.get(label) for label in labels[::-1]])
    picture = chart.render_tree()
    for part in list(picture.iter()):
        for child in list(part):
            # Comments hold the date, the script is for pages that hold the picture's source.
            if not isinstance(child.tag, str) or child.tag.endswith("script"):
                part.remove(child)
    path.write_bytes(ET.tostring(picture) + b"\n")


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
