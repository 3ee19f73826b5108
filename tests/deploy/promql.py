"""Finds the metrics, labels and values that a PromQL expression names."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MATCHER = re.compile(r'([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
_SELECTED = re.compile(r"([a-zA-Z_:][\w:]*)\s*\{([^}]*)\}")
_GROUPED = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_NAME = re.compile(r"(?<![\w$.])([a-zA-Z_:][\w:]*)\b(?!\s*\()")
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan", "by", "without", "on", "ignoring"}


def metrics_of(expression: str) -> set[str]:
    """The names of metrics."""
    text = re.sub(r'"[^"]*"', '""', expression)
    text = re.sub(r"\{[^}]*\}", "", text)
    text = re.sub(r"\[[^\]]*\]", "", text)
    text = _GROUPED.sub("", text)
    return set(_NAME.findall(text)) - _WORDS


def matchers_of(expression: str) -> Iterator[tuple[str, str, str]]:
    """Each matcher, with the metric that it selects: metric, label, value."""
    for metric, matchers in _SELECTED.findall(expression):
        for label, value in _MATCHER.findall(matchers):
            yield metric, label, value


def grouping_of(expression: str) -> set[str]:
    """The labels by which it groups or joins."""
    found = {label.strip() for _, labels in _GROUPED.findall(expression) for label in labels.split(",")}
    return found - {""}
