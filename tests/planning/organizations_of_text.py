"""Organisations of 1, 27 and 300 flows, in the compact form, whose plans are rendered as text."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

_CALLERS = (
    "accounts-payable",
    "agent-callback",
    "after-hours-voicemail",
    "billing-and-payments-self-service",
    "card-blocking-hotline",
    "claims-intake",
    "complaints",
    "customer-satisfaction-survey-intro",
    "delivery-status",
    "emergency-dispatch",
)


def one_flow() -> Document:
    """A first delivery."""
    return {"desired": {"main-ivr": {"key": "inboundcall/Main IVR", "digest": "m"}}}


def mixed() -> Document:
    """27 flows: nearly each kind of change, three blocked ones, drift, a warning, flows in sync."""
    document: Document = {"organization": {"name": "fernhill", "prune": True, "heal": True}}
    add(document, "branded-greeting", "commonmodule/Branded Greeting", version="3.0", was="old")
    for name in _CALLERS:
        add(document, name, f"inboundcall/{_title(name)}", version="12.0", calls=["commonmodule/Branded Greeting"])
    for name, calls in (("opening-hours", []), ("holidays", []), ("front-desk", ["commonmodule/Opening Hours"])):
        type_ = "commonmodule" if not calls else "inboundcall"
        document["desired"][name] = {"key": f"{type_}/{_title(name)}", "digest": name, "calls": calls}
    document["desired"]["night-desk"] = {
        "key": "inboundcall/Night Desk",
        "digest": "n",
        "calls": ["commonmodule/Opening Hours", "commonmodule/Holidays", "inboundcall/Front Desk"],
    }
    for name, pin, live in (("retention", "4.0", "5.0"), ("winback", "7.0", "6.0")):
        document["desired"][name] = {"key": f"outboundcall/{_title(name)}", "version": pin}
        document["live"][f"outboundcall/{_title(name)}"] = {"version": live}
    add(document, "store-locator", "inboundcall/Store Locator", version="2.0", live="3.0")
    for name, holder in (("loyalty-points", "Jane"), ("price-quotes", "Omar"), ("roadside-assistance", "Wei 王")):
        add(document, name, f"inqueuecall/{_title(name)}", version="8.0", was="old", locked={"name": holder})
    add(document, "chat", "inboundchat/Web chat (EU | \x1b[31mred\u202e) 客服", version="1.0", was="old")
    for name in ("fraud-desk", "gift-cards", "it-help-desk"):
        add(document, name, f"inboundcall/{_title(name)}", version="9.0")
    add(document, "fax", "inboundcall/Fax", version="1.0")
    add(document, "pager", "inboundcall/Pager", version="1.0")
    for name in ("fax", "pager"):
        del document["desired"][name]
    document["live"]["inboundcall/By Hand"] = {"version": "1.0"}
    return document


def large() -> Document:
    """300 flows: twelve modules change, 240 flows call them, eighteen are new, the others are as recorded."""
    document: Document = {"organization": {"name": "fernhill-production"}}
    for index in range(12):
        name = f"shared-announcements-{index:02}"
        add(document, name, f"commonmodule/{_title(name)}", version=f"{index + 1}.0", was="old")
    for index in range(240):
        name = f"customer-service-team-{index:03}-inbound-call-flow"
        module = f"commonmodule/Shared Announcements {index % 12:02}"
        add(document, name, f"inboundcall/{_title(name)}", version=f"{index % 7 + 1}.0", calls=[module])
    for index in range(18):
        name = f"survey-{index:02}"
        document["desired"][name] = {"key": f"voicesurvey/{_title(name)}", "digest": name}
    for index in range(30):
        name = f"archive-{index:02}"
        add(document, name, f"workflow/{_title(name)}", version="1.0")
    return document


def add(
    document: Document,
    name: str,
    key: str,
    *,
    version: str,
    was: str | None = None,
    calls: list[str] | None = None,
    **live: Any,
) -> None:
    """A flow that was delivered as `version`; `was` is its former content, `live` what is live of it."""
    desired, recorded = document.setdefault("desired", {}), document.setdefault("recorded", {})
    desired[name] = {"key": key, "digest": name, "calls": calls or []}
    consumed = {module: str(document["recorded"][module]["version"]) for module in calls or []}
    recorded[key] = {"manifest": name, "version": version, "digest": was or name, "consumed": consumed}
    document.setdefault("live", {})[key] = {"version": live.pop("live", version), **live}


def _title(name: str) -> str:
    return " ".join(part.capitalize() for part in name.split("-"))
