"""Builds self-contained HTML documents that load no external resource and run no foreign script.

The page's Content-Security-Policy admits one style and one script by their hashes. Data is embedded as JSON that cannot
close its element. The template engine escapes everything else.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from controller.diagnosis.nested import strict_json

_ESCAPES = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


def render(name: str, values: Mapping[str, object], data: object) -> str:
    """The document of `<name>.html.jinja` with its style, its script `<name>.js.jinja` and its data inside."""
    style, script = colors() + _asset("style.css.jinja"), _asset(f"{name}.js.jinja")
    policy = (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'; img-src data:"
    )
    text = (
        _environment()
        .get_template(f"{name}.html.jinja")
        .render(
            **values,
            policy=policy,
            style=Markup(style),  # noqa: S704 - our own files
            script=Markup(script),  # noqa: S704
            data=Markup(_embedded(data)),  # noqa: S704 - escaped below
        )
    )
    # Lone halves of surrogate pairs cannot be written as UTF-8.
    return text.encode("utf-8", "replace").decode("utf-8")


def colors() -> str:
    """The rules that name the colours of all pages, light and dark."""
    return _asset("colors.css.jinja")


def _embedded(data: object) -> str:
    text = strict_json(data, separators=(",", ":"))
    for char, escape in _ESCAPES.items():
        text = text.replace(char, escape)
    return text


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@lru_cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("controller.diagnosis"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@lru_cache
def _asset(name: str) -> str:
    return (resources.files("controller.diagnosis") / "templates" / name).read_text(encoding="utf-8")
