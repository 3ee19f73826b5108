"""Probes, metrics and the state of all organisations over HTTP. Reads only; nothing can be changed from here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from controller.domain.redaction import SECRETS
from controller.genesys import RouteLatency
from controller.service.board import Board

Latencies = Callable[[], Mapping[str, Sequence[RouteLatency]]]
"""By organisation, how long its calls took."""


def create_app(board: Board, registry: CollectorRegistry, latencies: Latencies) -> Starlette:
    """`/healthz`: the process runs. `/readyz`: everything was looked at once. `/metrics`. `/status`."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        return PlainTextResponse("ready\n") if board.ready else PlainTextResponse("starting\n", status_code=503)

    async def metrics(_: Request) -> Response:
        # The process-wide registry holds the latency of calls to organisations.
        found = (generate_latest(registry) + generate_latest(REGISTRY)).decode()
        return Response(SECRETS.plain(found), media_type=CONTENT_TYPE_LATEST)

    async def status(_: Request) -> Response:
        return JSONResponse(SECRETS.texts(_status_document(board, latencies())))

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            Route("/status", status),
        ]
    )


def _status_document(board: Board, latencies: Mapping[str, Sequence[RouteLatency]]) -> dict[str, object]:
    return {
        "schema": "penstock.service-status/v1",
        "revision": board.revision,
        "fault": board.fault,
        "organizations": [
            {
                "name": entry.organization,
                "sync": entry.status.value,
                "health": entry.health.value,
                "revision": entry.revision,
                "message": entry.message,
                "warnings": list(entry.warnings),
                "at": entry.at.isoformat(),
                "calls": [asdict(route) for route in latencies.get(entry.organization, ())],
            }
            for entry in board.entries()
        ],
    }
