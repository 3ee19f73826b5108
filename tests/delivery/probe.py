"""A health endpoint for HTTP gates."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx

from tests.delivery.site import Site

URL = "https://probe.example.com/ivr?token=abcdefgh"


class Probe:
    """Answers what it is told to; the last answer stays."""

    def __init__(self, *answers: tuple[int, object] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return httpx.Response(status, content=body if isinstance(body, str) else json.dumps(body))


def probing(site: Site, probe: Probe) -> None:
    """From now on the site's HTTP gates are answered by the probe."""
    site.settings = replace(site.settings, gate_transport=httpx.MockTransport(probe))
    site.delivery = site._delivery()
