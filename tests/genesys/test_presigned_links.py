"""Presigned links: used without a token, only over https, and never shown."""

from __future__ import annotations

import httpx
import pytest

from controller.domain.desired import Endpoint
from controller.domain.errors.organization import AnswerLost, BadAnswer, RequestRejected
from controller.genesys.call import ApiCall
from controller.genesys.connect import open_transport
from controller.genesys.settings import TransportSettings
from tests.genesys.scripted import API, reply, script
from tests.support.clock import SteppedClock

PUT = ApiCall("PUT", "(presigned upload)")
GET = ApiCall("GET", "(presigned download)", limit_bytes=500)
LINK = "https://s3.test/upload?X-Amz-Signature=s1gn4ture"


async def test_an_upload_carries_exactly_the_given_headers_and_no_token(clock: SteppedClock) -> None:
    organization = script()
    await organization.transport(clock).put_presigned(LINK, {"x-amz-meta": "1"}, b"flow: 1", call=PUT)
    [request] = organization.requests
    assert (request.method, str(request.url), request.content) == ("PUT", LINK, b"flow: 1")
    assert request.headers["x-amz-meta"] == "1"
    assert "authorization" not in request.headers
    assert "content-type" not in request.headers
    assert organization.token_requests == []


async def test_a_download_carries_no_token_and_is_limited_in_size(clock: SteppedClock) -> None:
    organization = script(httpx.Response(200, content=b"x" * 500), httpx.Response(200, content=b"x" * 501))
    transport = organization.transport(clock)
    assert await transport.get_presigned(LINK, call=GET) == b"x" * 500
    with pytest.raises(BadAnswer, match="more than"):
        await transport.get_presigned(LINK, call=GET)
    assert all("authorization" not in request.headers for request in organization.requests)


@pytest.mark.parametrize(
    "link",
    [
        "http://s3.test/x",
        "http://127.0.0.1/x",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "ftp://s3.test/x",
        "//s3.test/x",
        "s3.test/x",
        "",
        "https://user:pass@s3.test/x",
        "https://[broken/x",
        "https:///x",
    ],
)
async def test_a_link_that_is_not_https_is_not_touched(clock: SteppedClock, link: str) -> None:
    organization = script()
    transport = organization.transport(clock)
    with pytest.raises(BadAnswer):
        await transport.get_presigned(link, call=GET)
    with pytest.raises(BadAnswer):
        await transport.put_presigned(link, {}, b"", call=PUT)
    assert organization.requests == []


@pytest.mark.parametrize(
    ("api", "link", "fine"),
    [
        ("http://127.0.0.1:8080", "http://localhost:9000/x", True),
        ("http://127.0.0.1:8080", "http://[::1]:9000/x", True),
        ("http://127.0.0.1:8080", "http://127.evil.example/x", False),
        ("http://127.evil.example", "http://localhost/x", False),
        ("http://simulator.test", "http://simulator.test/x", True),
        ("http://simulator.test", "http://other.test/x", False),
        ("http://simulator.test", "http://127.0.0.1/x", False),
        (API, "http://api.genesys.test/x", False),
    ],
)
async def test_plain_http_is_for_loopback_and_for_the_very_host_of_a_plain_api(
    clock: SteppedClock, api: str, link: str, fine: bool
) -> None:
    organization = script()
    transport = open_transport(
        Endpoint(None, api, api),
        "c",
        "secret",
        clock=clock,
        settings=TransportSettings(),
        http=httpx.MockTransport(organization),
    )
    if fine:
        await transport.get_presigned(link, call=GET)
    else:
        with pytest.raises(BadAnswer):
            await transport.get_presigned(link, call=GET)
    assert len(organization.requests) == int(fine)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
async def test_a_link_that_is_no_longer_good_says_so_and_stays_hidden(clock: SteppedClock, status: int) -> None:
    page = f"<Error><Code>AccessDenied</Code><Resource>{LINK}</Resource></Error>".encode()
    with pytest.raises(RequestRejected, match="AccessDenied") as caught:
        await script(httpx.Response(status, content=page)).transport(clock).get_presigned(LINK, call=GET)
    assert "s1gn4ture" not in str(caught.value)
    assert "expired" in (caught.value.hint or "")


async def test_an_upload_whose_answer_was_lost_is_sent_once(clock: SteppedClock) -> None:
    organization = script(httpx.ReadTimeout(LINK))
    with pytest.raises(AnswerLost) as caught:
        await organization.transport(clock).put_presigned(LINK, {}, b"", call=PUT)
    assert len(organization.requests) == 1
    assert "s1gn4ture" not in str(caught.value)


async def test_a_download_that_is_limited_is_fetched_again_when_told(clock: SteppedClock) -> None:
    """The download's host has a limit of its own and answers 429 too."""
    organization = script(reply(429, {}, headers={"Retry-After": "7"}), httpx.Response(200, content=b"done"))
    assert await organization.transport(clock).get_presigned(LINK, call=GET) == b"done"
    assert clock.elapsed_s == pytest.approx(7)
