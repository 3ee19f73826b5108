"""One address of every page."""

from __future__ import annotations

from tests.pages.showroom import BUSY
from tests.support.world import ORGANIZATION

_ACME = f"/organizations/{ORGANIZATION}"
PAGES = {
    "organisations": "/",
    "running": "/running",
    "syncs": "/syncs",
    "sync": "/syncs/2",
    "audit": "/audit?action=sync",
    "organisation": _ACME,
    "busy organisation": f"/organizations/{BUSY}",
    "flows": f"{_ACME}/flows",
    "flow": f"{_ACME}/flows/billing",
    "difference": f"{_ACME}/flows/main-ivr?diff=1",
    "plan": f"{_ACME}/plan",
    "graph": f"{_ACME}/graph",
    "syncs of one": f"{_ACME}/syncs",
    "drift": f"{_ACME}/drift",
    "audit of one": f"{_ACME}/audit?action=sync",
    "rollback": f"{_ACME}/actions/rollback?flow=billing",
    "suspend": f"{_ACME}/actions/suspend",
    "not found": "/nowhere",
}
