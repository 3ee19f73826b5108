"""docs/reference/api.md is made from the OpenAPI description."""

from __future__ import annotations

from docs.api_page import PAGE, page


def test_the_page_is_the_one_that_the_code_describes() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run make docs"
