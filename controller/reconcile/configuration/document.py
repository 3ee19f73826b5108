"""Reads the configuration file, and reports all its mistakes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from controller.domain.desired import Origin
from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.errors.process import SettingsInvalid
from controller.domain.wording import counted
from controller.flows.yaml_reader import YamlNode, YamlRules, read_nodes
from controller.manifests.report import Report, repeated
from controller.manifests.shape import API_VERSION, Shape
from controller.manifests.validation import validated
from controller.reconcile.configuration.repository_shape import RepositoryShape

_RULES = YamlRules(depth=32, values=100_000)
_LARGEST = 1024**2
"""Bytes."""


class ConfigurationShape(Shape):
    """What the operator configures besides variables."""

    api_version: Literal["penstock/v1"]
    """The version of this format."""
    kind: Literal["Configuration"]
    """The kind of this document."""
    repositories: tuple[RepositoryShape, ...] = ()
    """The repositories to follow. When empty, the variables `PENSTOCK_REPOSITORY_URL` and others name one."""


def read_configuration(file: Path | None) -> ConfigurationShape:
    """The configuration in the file; an empty one without a file.

    Raises SettingsInvalid with every mistake, each with file, line and column.
    """
    if file is None:
        return ConfigurationShape.model_validate({"apiVersion": API_VERSION, "kind": "Configuration"})
    report = Report()
    found = _shape(_content(file), str(file), report)
    if found is None or len(report):
        mistakes = "\n".join(map(str, report.mistakes))
        raise SettingsInvalid(f"{counted(len(report), 'mistake')} in the configuration:\n{mistakes}")
    return found


def _content(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise SettingsInvalid(f"the configuration {file} is larger than {_LARGEST // 1024} KiB")
        return content.decode("utf-8")
    except OSError as error:
        message = f"the configuration {file} cannot be read: {error.strerror or type(error).__name__}"
        raise SettingsInvalid(message, hint="set PENSTOCK_CONFIG") from error
    except UnicodeDecodeError as error:
        raise SettingsInvalid(f"the configuration {file} is not text in UTF-8") from error


def _shape(text: str, file: str, report: Report) -> ConfigurationShape | None:
    nodes: list[YamlNode] = []

    def mistaken(mistake: FlowFileInvalid) -> None:
        report.add(Origin(file, mistake.line, mistake.column), mistake.message, hint=mistake.hint)

    try:
        nodes.extend(read_nodes(text, _RULES, mistaken))
    except FlowFileInvalid as error:
        mistaken(error)
        return None
    if not nodes:
        report.add(Origin(file), "the configuration is empty", hint="it begins with apiVersion: penstock/v1")
        return None
    _check_names(nodes[0], file, report)
    return validated(ConfigurationShape, nodes[0], file, report)


def _check_names(document: YamlNode, file: str, report: Report) -> None:
    """Report each list in which two entries have one name."""
    for key in ("repositories",):
        entries = document.get(key)
        named = entries.value if entries is not None and isinstance(entries.value, list) else []
        names = [(each.get("name"), each) for each in named]
        for name, first, second in repeated((_text_of(node), each) for node, each in names):
            line, _ = first.locate(("name",))
            message = f"{key}: the name {name} is given in line {line} already"
            report.add(Origin(file, *second.locate(("name",))), message)


def _text_of(node: YamlNode | None) -> str | None:
    return node.value if node is not None and isinstance(node.value, str) else None
