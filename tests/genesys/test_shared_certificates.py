"""A process reads the certificates for TLS once, however many organisations it has."""

from __future__ import annotations

import ssl

import pytest

from controller.domain.clock import SystemClock
from controller.genesys.sender import ApiSender
from controller.genesys.settings import TransportSettings


def test_three_connections_read_the_certificates_at_most_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    create = ssl.create_default_context

    def noted(*given: object, **named: object) -> ssl.SSLContext:
        read.append(given)
        return create(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(ssl, "create_default_context", noted)
    for _ in range(3):
        ApiSender(SystemClock(), TransportSettings())

    assert len(read) <= 1
