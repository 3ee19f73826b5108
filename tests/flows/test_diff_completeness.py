"""Whatever changes a digest shows in the diff, however large the flow."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.flows.canonical import digest
from controller.flows.diff import diff_sources
from controller.flows.loading import load_yaml
from tests.flows.corpus import FILES, each, text_of
from tests.flows.diffs import FLOW

Json = dict[str, object]


def loaded(text: str) -> Json:
    document = load_yaml(text)
    assert isinstance(document, dict)
    return document


def mutations() -> list[Callable[[Json, random.Random], None]]:
    def leaf(node: object, order: random.Random) -> None:
        while isinstance(node, dict | list):
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            keys = [key for key in keys if key not in ("trackingId", "refId")]
            if not keys:
                return
            key = order.choice(keys)
            if not isinstance(node[key], dict | list) or not node[key]:
                node[key] = "mutated"
                return
            node = node[key]

    def drop(node: object, order: random.Random) -> None:
        parents = []
        while isinstance(node, dict | list) and node:
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            key = order.choice(keys)
            parents.append((node, key))
            node = node[key]
        holder, key = order.choice(parents[1:])
        if key not in ("trackingId", "refId", "actions"):
            del holder[key]

    return [leaf, drop]


def noticed(document: Json, seed: int, mutate: Callable[[Json, random.Random], None]) -> None:
    """What changes the digest shows in the diff, in both directions."""
    after = copy.deepcopy(document)
    mutate(after, random.Random(seed))
    if digest(after) == digest(document):
        return
    assert not diff_sources(document, after).empty, seed
    assert not diff_sources(after, document).empty, seed


@pytest.mark.parametrize("mutate", mutations())
def test_no_mutation_escapes(mutate: Callable[[Json, random.Random], None]) -> None:
    document = loaded(FLOW)
    for seed in range(150):
        noticed(document, seed, mutate)


@pytest.mark.corpus
@each(FILES)
def test_no_mutation_of_a_real_flow_escapes(file: Path) -> None:
    document = loaded(text_of(file))
    assert diff_sources(document, document).empty
    for seed in range(6):
        for mutate in mutations():
            noticed(document, seed, mutate)


@pytest.mark.parametrize("same_names", [True, False])
def test_a_flow_of_many_thousand_lines_takes_a_moment(*, same_names: bool) -> None:
    """Time grows with the size: a pairwise comparison of 4,000 actions would take minutes."""

    def flow(shift: int) -> Json:
        actions = [
            {"playAudio": {"name": "Play" if same_names else f"Play {i}", "audio": {"tts": f"text {i + shift}"}}}
            for i in range(4000)
        ]
        return {"inboundCall": {"name": "Big", "tasks": [{"task": {"name": "T", "actions": actions}}]}}

    started = time.process_time()
    assert not diff_sources(flow(0), flow(7)).empty
    assert time.process_time() - started < 10
