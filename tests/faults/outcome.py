"""How a pass under a fault ended, in one word, and whom it called."""

from __future__ import annotations

import httpx

from controller.reconcile.report import PassReport

DELIVERED = "delivered"


def how(report: PassReport) -> str:
    """`delivered`, or the code of what kept it from that."""
    if report.delivered:
        return DELIVERED
    if report.error is not None:
        return report.error.code
    assert report.result is not None
    [error] = {step.error.code for step in report.result.steps if step.error}
    return error


class Watched(httpx.AsyncBaseTransport):
    """Notes which hosts are called."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner
        self.hosts: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.hosts.add(request.url.host)
        return await self._inner.handle_async_request(request)
