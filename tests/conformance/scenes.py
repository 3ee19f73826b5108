"""What is delivered while things go wrong, and which two things go wrong: chosen by a seed, the same in every run."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from controller.simulator.faults import Fault
from tests.conformance.mishaps import Kind, Mishap
from tests.conformance.simulated import DESK, FRONT, Interference
from tests.conformance.site import Site

STAGES = {"stages": [{"percentage": 10, "duration": "2m"}, {"percentage": 100, "duration": "0s"}]}


@dataclass(frozen=True, slots=True)
class Scene:
    prepare: Callable[[Site], None]
    """Pins what the next pass is to deliver."""
    wanted: Mapping[str, str]
    """Versions by the flow's name that are live at the end, where nobody published anything else."""
    quirks: Mapping[str, object] = field(default_factory=dict)


def _publish(site: Site) -> None:
    site.pin(site.main, "13.0")


def _switch(site: Site) -> None:
    site.pin(site.main, "11.0")


def _staged(site: Site) -> None:
    site.pin(site.main, "13.0", rollout=STAGES)


def _both(site: Site) -> None:
    site.pin(site.module, "4.0")
    site.pin(site.main, "13.0", dependsOn=["store-finder"])


_NEW = {"Retail IVR": "13.0", "Store Finder": "3.0"}
SCENES: Mapping[str, Scene] = {
    "publish": Scene(_publish, _NEW),
    "switch": Scene(_switch, {"Retail IVR": "11.0", "Store Finder": "3.0"}),
    "staged": Scene(_staged, _NEW),
    "module and caller": Scene(_both, {"Retail IVR": "13.0", "Store Finder": "4.0"}),
    "failing stage": Scene(_staged, {"Retail IVR": "12.0", "Store Finder": "3.0"}, {"fail_stage": 2}),
}
_QUIRKS: tuple[Mapping[str, object], ...] = (
    {},
    {"newest_first": True},
    {"versions_page": 0},
    {"eta": False},
    {"status_404": 2},
    {"publish_409": 1, "put_409": 1},
    {"listing_lag_s": 20.0},
    {"keeps_split": True},
)
_MOMENTS = (
    ("GET", "/versions$"),
    ("GET", "/api/v2/flows$"),
    ("GET", "/publishstatus$"),
    ("GET", "/versions/[^/]+$"),
    ("POST", "/validate$"),
    ("POST", "/publish$"),
    ("PUT", "/routing/"),
)
_ANYWHERE = (Kind.STATUS, Kind.LOST_BEFORE, Kind.LOST_AFTER, Kind.HTML, Kind.TRUNCATED, Kind.EMPTY, Kind.FAILED_AFTER)
_PEOPLE = (Kind.PERSON_BEFORE, Kind.PERSON_AFTER, Kind.CANCELLED)
_STATUSES = (401, 404, 409, 429, 500, 503)


def quirks(chance: random.Random) -> Mapping[str, object]:
    """How the organisation behaves where the rows leave it open."""
    return chance.choice(_QUIRKS)


def two_mishaps(chance: random.Random) -> list[Mishap]:
    """Two mishaps at two calls; people do nothing in the moment between our last look and our write."""
    return [_mishap(chance), _mishap(chance)]


def _mishap(chance: random.Random) -> Mishap:
    method, path = chance.choice(_MOMENTS)
    writes = path in ("/publish$", "/routing/")
    kinds = [*_ANYWHERE, *(kind for kind in _PEOPLE if not (writes and kind is Kind.PERSON_BEFORE))]
    kind = chance.choice([*kinds, Kind.DOUBLED] if method != "GET" else kinds)
    status = chance.choice(_STATUSES)
    return Mishap(
        kind,
        method,
        path,
        nth=chance.randint(1, 4),
        times=1 if kind in (*_PEOPLE, Kind.DOUBLED) else chance.randint(1, 3),
        status=status,
        retry_after="7" if status == 429 and chance.random() < 0.5 else None,
    )


_CALLS = (
    ("GET", "/api/v2/flows"),
    ("GET", "/api/v2/flows/{flowId}"),
    ("POST", "/api/v2/flows/jobs"),
    ("PUT", "/_storage/uploads/{jobId}"),
    ("GET", "/api/v2/flows/jobs/{jobId}"),
    ("POST", "/api/v2/flows/export/jobs"),
    ("GET", "/api/v2/flows/export/jobs/{jobId}"),
    ("GET", "/_storage/exports/{jobId}"),
)
_FAULTS: tuple[dict[str, object], ...] = (
    *({"kind": kind, "point": point} for kind in ("reset", "http-5xx") for point in ("before", "after", "middle")),
    *({"kind": "http-5xx", "status": status} for status in (401, 404, 409, 500)),
    {"kind": "http-429", "retry_after_s": 7},
    {"kind": "html-error"},
    {"kind": "truncated-json"},
    {"kind": "missing-field"},
    {"kind": "wrong-type"},
    {"kind": "expired-token"},
)


def two_faults(chance: random.Random) -> tuple[list[Fault], list[Interference]]:
    """Two faults of the simulated organisation; one in four is a person who publishes at the wrong time.

    People do nothing in the moment between our last look and the upload, which no client can see.
    """
    faults: list[Fault] = []
    people: list[Interference] = []
    for number in range(2):
        method, route = chance.choice(_CALLS)
        nth, times = chance.randint(1, 4), chance.randint(1, 3)
        if chance.random() < 0.25:
            call = f"{method} {re.sub(r'{[^}]+}', '[^/]+', route)}"
            people.append(Interference(call, nth, before=method == "GET", flow=chance.choice((DESK, FRONT))))
        else:
            match = {"method": method, "route": route}
            given = {"name": f"fault-{number}", "match": match, "nth": nth, "times": times, **chance.choice(_FAULTS)}
            faults.append(Fault.model_validate(given))
    return faults, people
