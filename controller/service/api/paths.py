"""Paths with any name in them: a flow's name may have slashes, and even line ends."""

from __future__ import annotations

import re
from typing import Final

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.routing import Mount
from starlette.types import ASGIApp

PREFIX: Final = "/api/v1"
WHOLE: Final = "whole"
"""`{flow:whole}` is one name, with all that is in it. Starlette's own `path` ends at a line end."""


class _WholeConvertor(StringConvertor):
    regex = r"[\s\S]+"


class ApiMount(Mount):
    """The API at its prefix, whatever follows."""

    def __init__(self, api: ASGIApp) -> None:
        super().__init__(PREFIX, api, name="api")
        self.path_regex = re.compile(self.path_regex.pattern, re.DOTALL)


register_url_convertor(WHOLE, _WholeConvertor())
