"""Writes docs/reference/json.md from the documents' JSON Schemas: `make docs`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from controller.cli.commands.schema import DOCUMENTS, document_class
from controller.questions.document_schema import schema_of

PAGE = Path(__file__).parent / "reference" / "json.md"
Schema = dict[str, Any]
_BEGINNING = """\
# JSON output

A command with `--format json` prints one JSON document on standard output and nothing else.
Logs go to standard error.
Each document names its schema; where a command fails, it is `penstock.error/v1`.
`penstock schema --of plan/v1` prints the JSON Schema of a document.

Within a version of a schema fields are added, never renamed and never given another meaning.
A program should ignore the fields that it does not know.
Names in the documents are exactly those of the organisation, trailing spaces included.
A program that shows them must escape them.

`make docs` writes this page from the code.
"""
_PLURALS = {
    "string": "strings",
    "number": "numbers",
    "list of strings": "lists of strings",
    "pair of strings": "pairs of strings",
}


class Page:
    """The page as it grows: the table of each class is at the first document that holds it."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}
        """The heading of each class that has a table."""

    def text(self) -> str:
        """The whole page."""
        return "\n".join([_linked(_BEGINNING), *("\n".join(self._document(name)) for name in DOCUMENTS)])

    def _document(self, name: str) -> Iterator[str]:
        schema = schema_of(document_class(name))
        yield f"## {schema['title']}\n"
        yield _sentences(schema["description"], but=schema["title"]) + "\n"
        definitions: dict[str, Schema] = schema.get("$defs", {})
        mine = [each for each in _in_order(schema, definitions) if self._is_new(each, definitions[each])]
        yield from self._table(schema, definitions)
        for each in mine:
            yield f"### {self._titles[each]}\n"
            _, _, more = definitions[each]["description"].partition("\n\n")
            if more:
                yield _sentences(more) + "\n"
            yield from self._table(definitions[each], definitions)

    def _is_new(self, name: str, part: Schema) -> bool:
        """Whether the class has no table yet; gives it a heading."""
        if name in self._titles or _own_schema(part):
            return False
        title = part["description"].partition("\n\n")[0].rstrip(".")
        if title in self._titles.values():
            raise ValueError(f"two classes have the heading {title!r}")
        self._titles[name] = title
        return True

    def _table(self, part: Schema, definitions: dict[str, Schema]) -> Iterator[str]:
        yield "| field | type | meaning |\n|---|---|---|"
        for name, each in part["properties"].items():
            kind = self._kind(each, definitions) + ("" if name in part["required"] else "; not always there")
            if "const" not in each and "description" not in each:
                raise ValueError(f"no docstring says what {name} is, in: {part['description']}")
            yield f"| `{name}` | {kind} | {_meaning(each, definitions)} |"
        yield ""

    def _kind(self, part: Schema, definitions: dict[str, Schema]) -> str:
        if "$ref" in part:
            return self._kind_of(part["$ref"].rpartition("/")[2], definitions)
        if "anyOf" in part:
            return " or ".join(self._kind(each, definitions) for each in part["anyOf"])
        if "prefixItems" in part:
            return f"pair of {_PLURALS[self._kind(part['prefixItems'][0], definitions)]}"
        if part.get("type") == "array":
            inside = self._kind(part["items"], definitions)
            return f"list: {inside}" if inside.startswith("[") else f"list of {_PLURALS.get(inside, inside)}"
        if isinstance(part.get("additionalProperties"), dict):
            inside = self._kind(part["additionalProperties"], definitions)
            return f"object of {_PLURALS.get(inside, inside)}"
        return {"integer": "number"}.get(part.get("type", "any"), part.get("type", "any"))

    def _kind_of(self, name: str, definitions: dict[str, Schema]) -> str:
        part = definitions[name]
        if "enum" in part:
            return "string"
        title = _own_schema(part)
        if title:
            return _linked(f"`{title}`")
        title = self._titles[name]
        return f"[{title[0].lower()}{title[1:]}](#{_anchor(title)})"


def _in_order(part: Schema, definitions: dict[str, Schema]) -> list[str]:
    """The objects in a part and in each other, as they are met; those in a document of its own are not."""
    found: dict[str, None] = {}
    for name in re.findall(r"#/\$defs/(\w+)", str(part["properties"])):
        if "properties" in definitions[name] and not _own_schema(definitions[name]):
            found |= {name: None} | dict.fromkeys(_in_order(definitions[name], definitions))
    return list(found)


def _own_schema(part: Schema) -> str:
    """The name of the document, where the part is one."""
    return str(part.get("properties", {}).get("schema", {}).get("const", ""))


def _meaning(part: Schema, definitions: dict[str, Schema]) -> str:
    if "const" in part:
        return f"`{part['const']}`"
    words = [word for name in re.findall(r"#/\$defs/(\w+)", str(part)) for word in definitions[name].get("enum", ())]
    told = any(f"`{word}`" in part["description"] for word in words)
    how = "The keys are" if "propertyNames" in part else "One of"
    listed = "" if told or not words else f" {how} {', '.join(f'`{word}`' for word in words)}."
    return _linked(part["description"]) + listed


def _sentences(text: str, *, but: str = "") -> str:
    """One sentence a line, as the pages are written."""
    return re.sub(r"(?<=[a-z`)]\.) (?=[A-Z`])", "\n", _linked(" ".join(text.split()), but=but))


def _linked(text: str, *, but: str = "") -> str:
    """Names of documents and of pages as links."""
    text = text.replace("`errors.md`", "[errors.md](errors.md)")
    return re.sub(
        r"`(penstock\.[\w-]+/v\d+)`",
        lambda each: each[0] if each[1] == but else f"[{each[0]}](#{_anchor(each[1])})",
        text,
    )


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def page() -> str:
    """The text of docs/reference/json.md."""
    return Page().text()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
