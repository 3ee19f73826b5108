"""While the first delivery of a whole controller runs, its page and `status --server` say what is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.at_controller import Site, begun_site
from tests.support.service import eventually
from tests.support.world import World

pytestmark = pytest.mark.proof


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    """It bakes for longer than any test lasts."""
    with begun_site(world, tmp_path, rollout={"bake": "1h"}) as made:
        eventually(lambda: "baking" in page(made, "/running"), "the first delivery bakes")
        yield made


def page(site: Site, path: str) -> str:
    """A page as rita's browser gets it; empty while the service does not answer."""
    headers = {"authorization": f"Bearer {site.tokens['rita']}", "accept": "text/html"}
    try:
        return httpx.get(f"http://127.0.0.1:{site.service.port}{path}", headers=headers, timeout=30).text
    except httpx.TransportError:
        return ""


def test_status_and_pages_show_a_first_delivery_while_it_runs(site: Site) -> None:
    code, out, err = site.ask("status", "--format", "json", person="rita")
    (told,) = json.loads(out)["organizations"]
    assert (told["name"], told["sync"], told["health"]) == ("acme", "Unknown", "Progressing"), err
    assert {flow["flow"]: (flow["health"], flow["sync"]) for flow in told["flows"]} == {
        "front": ("Unknown", "Unknown"),
        "hours": ("Progressing", "Unknown"),
    }
    assert "the first pass has not ended yet" in "; ".join(told["warnings"])
    text = site.ask("status", person="rita")
    assert (text[0], "the first pass has not ended yet" in text[1]) == (code, True), text

    board, organization = page(site, "/"), page(site, "/organizations/acme")
    for shown in (board, organization):
        assert "hours" in shown
        assert "baking" in shown
    assert "the first pass has not ended yet" in board
    assert "Not begun yet" in organization
    assert '<a href="/organizations/acme/flows/front"><bdi>front</bdi></a>' in organization
