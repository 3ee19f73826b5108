"""Each fenced block of the guides is run, read or validated; what is not is listed here with its reason."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from jinja2.sandbox import SandboxedEnvironment

from controller.cli.commands import COMMANDS, Commands
from controller.cli.lazy import LazyGroup
from controller.manifests.schema import document_schema, json_schema
from controller.reconcile.configuration.document import ConfigurationShape
from controller.service.access.tokens import read_tokens
from tests.docs.test_documented_commands import ELSEWHERE, ROOT, commands_of_text, documented

UNTRIED: Mapping[str, str] = {
    r"docker compose ": "there is no container engine in a test; deploy/test_compose_story.py starts the same commands",
}
"""Commands that no test runs, as patterns, with the reason."""
OUTPUT = {"text"}
"""Blocks that show what a command writes."""
SHELL = {"sh", "bash", "console"}
READ_BY = {
    ("docs/how-to/share-an-organisation-with-terraform.md", "hcl"): "tests/peers/test_terraform.py",
}
"""Blocks that another test reads or that it has a twin of."""
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs" / "how-to").glob("*.md"), *(ROOT / "deploy").rglob("*.md")])
_BLOCK = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`penstock ([^`\n]+)`")
_SETTING = re.compile(r"\bPENSTOCK_[A-Z]+(?:_[A-Z]+)*\b")
_SETTINGS_PAGE = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Block:
    page: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page} {self.language}"


def blocks(*languages: str) -> list[Block]:
    """Of the guides, in these languages, or all of them."""
    return list(_blocks(languages))


def _blocks(languages: Collection[str]) -> Iterator[Block]:
    for path in PAGES:
        for indent, language, text in _BLOCK.findall(path.read_text(encoding="utf-8")):
            if not languages or language in languages:
                shown = re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)
                yield Block(str(path.relative_to(ROOT)), language, shown)


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_a_block_is_run_read_or_validated(block: Block) -> None:
    if block.language in SHELL:
        run = _run_by_others(block.page) or set(documented())
        assert [each for each in _commands(block) if each not in run and not _untried(each)] == []
    else:
        known = (block.page, block.language) in READ_BY or block.language in {*OUTPUT, *DATA}
        assert known, f"no test reads a block of {block.language or 'no language'}"


def _commands(block: Block) -> list[str]:
    return commands_of_text(f"```sh\n{block.text}```\n")


def _run_by_others(page: str) -> set[str]:
    """The commands of a page with a test of its own, which names the page."""
    if page not in ELSEWHERE:
        return set()
    test = ROOT / "tests" / ELSEWHERE[page]
    assert Path(page).name in test.read_text(encoding="utf-8"), f"{test} does not run {page}"
    return set(commands_of_text((ROOT / page).read_text(encoding="utf-8")))


def _untried(command: str) -> bool:
    return any(re.match(pattern, command) for pattern in UNTRIED)


def test_no_exception_is_left_without_use() -> None:
    commands = [each for block in blocks(*SHELL) for each in _commands(block)]
    assert [pattern for pattern in UNTRIED if not any(re.match(pattern, each) for each in commands)] == []
    languages = {(block.page, block.language) for block in blocks()}
    assert READ_BY.keys() - languages == set()
    assert [page for page in ELSEWHERE if not (ROOT / page).is_file()] == []


# Data.


def _manifests(document: Mapping[Any, Any]) -> None:
    jsonschema.Draft202012Validator(json_schema()).validate(document)


def _fragment(document: Mapping[Any, Any]) -> None:
    """Fields of an organisation."""
    credentials = {"clientId": {"env": "GENESYS_ID"}, "clientSecret": {"env": "GENESYS_SECRET"}}
    spec = {"region": "mypurecloud.ie", "credentials": credentials, **document}
    _manifests({"apiVersion": "penstock/v1", "kind": "Organization", "metadata": {"name": "a"}, "spec": spec})


def _workflow(document: Mapping[Any, Any], folder: Path) -> None:
    path = folder / "workflow.yml"
    path.write_text(yaml.safe_dump({"on" if key is True else key: value for key, value in document.items()}))
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def _tokens(document: Mapping[Any, Any], folder: Path) -> None:
    path = folder / "tokens.yaml"
    path.write_text(yaml.safe_dump(dict(document)))
    path.chmod(0o600)
    assert read_tokens(path)


def _kustomization(document: Mapping[Any, Any]) -> None:
    example = ROOT / "deploy" / "kubernetes" / "examples" / "production"
    for path in [*document.get("components", ()), *document.get("resources", ())]:
        assert (example / path / "kustomization.yaml").is_file(), path


def _validate(document: Mapping[Any, Any], folder: Path) -> None:
    if document.get("kind") == "Configuration":
        jsonschema.Draft202012Validator(document_schema(ConfigurationShape, "")).validate(document)
    elif document.get("apiVersion") == "penstock/v1":
        _manifests(document)
    elif document.keys() <= {"components", "resources"}:
        _kustomization(document)
    elif "tokens" in document:
        _tokens(document, folder)
    elif "jobs" in document:
        _workflow(document, folder)
    else:
        _fragment(document.get("spec", document))


def _yaml(block: Block, folder: Path) -> None:
    for document in yaml.safe_load_all(block.text):
        _validate(document, folder)


def _json(block: Block, folder: Path) -> None:
    json.loads(block.text)


def _jinja(block: Block, folder: Path) -> None:
    SandboxedEnvironment().parse(block.text)


DATA: Mapping[str, Callable[[Block, Path], None]] = {"yaml": _yaml, "json": _json, "jinja": _jinja}


@pytest.mark.parametrize("block", blocks(*DATA), ids=str)
def test_data_is_what_its_reader_takes(block: Block, tmp_path: Path) -> None:
    DATA[block.language](block, tmp_path)


# Commands and settings inside of sentences.


def _options(words: list[str]) -> set[str]:
    """Those of the command that these words name."""
    command: Any = Commands().load(words[0])
    if isinstance(command, LazyGroup):
        command = command.load(words[1])
    return {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_settings_in_sentences_are_those_that_there_are(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for call in _INLINE.findall(text):
        words = call.split()
        name = next((word for word in words if not word.startswith("-")), "")
        if words[0] in COMMANDS:
            given = {word.partition("=")[0] for word in words if word.startswith("--")}
            assert given <= _options(words), call
        else:
            assert words[0].startswith("--"), f"there is no command {name}"
    unknown = {name for name in _SETTING.findall(text) if f"`{name}`" not in _SETTINGS_PAGE}
    assert unknown == set()
