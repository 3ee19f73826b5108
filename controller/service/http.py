"""Probes, metrics and the state of all organisations over HTTP. Reads only; nothing can be changed from here."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from controller.service.board import Board


def create_app(board: Board, registry: CollectorRegistry) -> Starlette:
    """`/healthz`: the process runs. `/readyz`: everything was looked at once. `/metrics`. `/status`."""

    def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    def readyz(_: Request) -> Response:
        return PlainTextResponse("ready\n") if board.ready else PlainTextResponse("starting\n", status_code=503)

    def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    def status(_: Request) -> Response:
        return JSONResponse(_status_document(board))

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            Route("/status", status),
        ]
    )


def _status_document(board: Board) -> dict[str, object]:
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
                "at": entry.at.isoformat(),
            }
            for entry in board.entries()
        ],
    }
