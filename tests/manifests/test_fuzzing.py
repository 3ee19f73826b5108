"""Whatever stands in a manifest, loading ends with the desired state or with mistakes, never with a traceback."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.domain.errors.manifest import ManifestInvalid
from tests.manifests.repository import EVERYTHING, FLOW, flow, load, organization, write
from tests.support.examples import examples

TEXT = f"{organization(EVERYTHING)}---\n{flow(spec=FLOW)}"
TOKENS = re.findall(r"\s+|[A-Za-z0-9_.-]+|.", TEXT)
ODD = (
    *(
        "",
        "\n",
        "\t",
        "  ",
        ":",
        "- ",
        "[",
        "]",
        "{",
        "}",
        "&a ",
        "*a",
        "!!int ",
        "!x ",
        "'",
        '"',
        "|",
        ">",
        "%",
        "---\n",
    ),
    *(
        "null",
        "~",
        "true",
        "12",
        "-1",
        "1e999",
        ".nan",
        "9" * 500,
        "\x00",
        "\x1b",
        "\u2028",
        "\ud7ff",
        "😀",
        "<<",
        "<todo>",
        "<text>",
    ),
)


def outcome(content: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder), {"m.yaml": content})
        try:
            load(root)
        except ManifestInvalid as error:
            lines = len(content.decode("utf-8", "replace").splitlines()) + 1
            for mistake in error.mistakes:
                assert 1 <= mistake.origin.line <= lines + 1
                assert mistake.origin.column >= 1
                assert str(mistake).isprintable()
            return "invalid"
    return "valid"


def test_the_text_that_is_mutated_is_valid() -> None:
    assert outcome(TEXT.replace("dependsOn: [main-ivr]", "").replace("ivr.yaml", "workflow.yaml").encode()) == "valid"


@pytest.mark.proof
@examples(150)
@given(st.lists(st.tuples(st.integers(0, len(TOKENS) - 1), st.sampled_from(ODD)), min_size=1, max_size=6))
def test_tokens_that_are_replaced_at_random_end_in_mistakes(changes: list[tuple[int, str]]) -> None:
    tokens = list(TOKENS)
    for index, token in changes:
        tokens[index] = token
    outcome("".join(tokens).encode("utf-8", "surrogatepass"))


@examples(75)
@given(st.binary(max_size=200))
def test_any_bytes_after_a_manifests_head_end_in_mistakes(tail: bytes) -> None:
    outcome(b"apiVersion: penstock/v1\nkind: Flow\n" + tail)
