"""What a file of Terraform's language sets, line by line, where `terraform fmt` has laid it out."""

from __future__ import annotations

import re

_BLOCK = re.compile(r'^(\w+)((?: "\w+")*) \{$')
_ARGUMENT = re.compile(r"^(\w+) += (.*)$")
_END = re.compile(r"^[\]})]+$")


def arguments(text: str) -> dict[str, set[str]]:
    """The arguments and inner blocks of each block: `resource.genesyscloud_flow`, `provider.genesyscloud.gateway`.

    The label of a resource is left out. Keys inside of a value are no arguments.
    """
    found: dict[str, set[str]] = {}
    stack: list[str | None] = []
    for line in (each.strip() for each in text.splitlines()):
        block, argument = _BLOCK.match(line), _ARGUMENT.match(line)
        if _END.match(line):
            stack.pop()
        elif block:
            name = ".".join([block[1], *re.findall(r'"(\w+)"', block[2])[:1]])
            _note(found, stack, name)
            stack.append(name)
            found.setdefault(_path(stack), set())
        elif argument:
            _note(found, stack, argument[1])
            if argument[2].endswith(("{", "[", "(")):
                stack.append(None)
    return found


def _note(found: dict[str, set[str]], stack: list[str | None], name: str) -> None:
    if stack and None not in stack:
        found[_path(stack)].add(name)


def _path(stack: list[str | None]) -> str:
    return ".".join(each for each in stack if each)
