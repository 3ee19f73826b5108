"""Reads the configuration file, and reports all its mistakes at once."""

from __future__ import annotations

from collections.abc import Collection
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
from controller.manifests.wording import did_you_mean, quoted
from controller.reconcile.configuration.receiver_shapes import OperatorNotificationShape, ReceiverShape
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
    receivers: tuple[ReceiverShape, ...] = ()
    """Who can be told what happens to organisations."""
    notifications: tuple[OperatorNotificationShape, ...] = ()
    """Who of them is told of what."""

    @property
    def receiver_names(self) -> frozenset[str]:
        """The names that rules and manifests may use."""
        return frozenset(each.name for each in self.receivers)


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
    found = validated(ConfigurationShape, nodes[0], file, report)
    if found is not None:
        _check_receivers(found, nodes[0], file, report)
    return found


def _check_names(document: YamlNode, file: str, report: Report) -> None:
    """Report each list in which two entries have one name."""
    for key in ("repositories", "receivers"):
        entries = document.get(key)
        named = entries.value if entries is not None and isinstance(entries.value, list) else []
        names = [(each.get("name"), each) for each in named]
        for name, first, second in repeated((_text_of(node), each) for node, each in names):
            line, _ = first.locate(("name",))
            message = f"{key}: the name {name} is given in line {line} already"
            report.add(Origin(file, *second.locate(("name",))), message)


def _check_receivers(found: ConfigurationShape, document: YamlNode, file: str, report: Report) -> None:
    """Report each rule for a receiver that is not there, and each receiver for such a repository."""
    for index, rule in enumerate(found.notifications):
        path = ("notifications", index, "receiver")
        _require(rule.receiver, found.receiver_names, "receiver", Origin(file, *document.locate(path)), report)
    repositories = frozenset(each.name for each in found.repositories)
    for index, receiver in enumerate(found.receivers):
        wanted = None if receiver.commit_status is None else receiver.commit_status.repository
        if wanted is not None:
            position = document.locate(("receivers", index, "commitStatus", "repository"))
            _require(wanted, repositories, "repository", Origin(file, *position), report)


def _require(name: str, known: Collection[str], what: str, origin: Origin, report: Report) -> None:
    if name not in known:
        there = f"there is: {', '.join(sorted(known)) or 'none'}"
        report.add(origin, f"no {what} is named {quoted(name)}", hint=did_you_mean(name, known) or there)


def _text_of(node: YamlNode | None) -> str | None:
    return node.value if node is not None and isinstance(node.value, str) else None
