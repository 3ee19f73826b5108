"""Every way in which a call can fail ends as an error of the domain that says what, where and what to do."""

from __future__ import annotations

import httpx
import pytest

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.errors.organization import NotFound, PermissionMissing, RequestRejected, ServerFault
from controller.genesys.call import ApiCall
from controller.genesys.errors import HTTPX_FAULTS
from controller.genesys.settings import TransportSettings
from tests.genesys.scripted import SECRET, ScriptedOrganization, refusal, reply, script
from tests.support.clock import SteppedClock

CALL = ApiCall("GET", "/api/v2/flows/{flowId}", {"flowId": "f1"})
ONCE = TransportSettings(retries=0)


async def _error(organization: ScriptedOrganization, clock: SteppedClock, call: ApiCall = CALL) -> PenstockError:
    with pytest.raises(PenstockError) as caught:
        await organization.transport(clock, ONCE).send(call)
    return caught.value


def _all_below(kind: type[Exception]) -> set[type[Exception]]:
    return {kind, *(below for child in kind.__subclasses__() for below in _all_below(child))}


def test_the_table_names_every_exception_that_httpx_can_raise() -> None:
    """Every concrete class is decided by its own entry, so that a new one of a later httpx fails this test."""
    roots = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError)
    concrete = {kind for root in roots for kind in _all_below(root) if not kind.__subclasses__()}
    streams = _all_below(httpx.StreamError)
    assert {kind.__name__ for kind in concrete - streams - set(HTTPX_FAULTS)} == set()


@pytest.mark.parametrize("kind", sorted(HTTPX_FAULTS, key=lambda kind: kind.__name__))
async def test_no_exception_of_httpx_leaves_the_package(clock: SteppedClock, kind: type[Exception]) -> None:
    words = f"https://files.test/x?X-Amz-Signature={SECRET}"
    fault = kind(words, request=None, response=None) if kind is httpx.HTTPStatusError else kind(words)  # type: ignore[call-arg]
    for call in (CALL, ApiCall("POST", "/api/v2/flows/jobs")):
        error = await _error(script(fault), clock, call)
        assert call.name in error.message
        assert SECRET not in f"{error.message}{error.hint}"


async def test_a_rejection_shows_the_servers_message_details_code_and_correlation_id(clock: SteppedClock) -> None:
    organization = script(
        reply(
            400,
            {
                "message": "The flow is not valid.",
                "code": "architect.validation",
                "details": [{"errorCode": "missing", "fieldName": "startUpRef", "entityName": "Main IVR"}],
            },
            headers={"ININ-Correlation-Id": "c0ffee"},
        )
    )
    error = await _error(organization, clock)
    assert isinstance(error, RequestRejected)
    assert (error.status, error.api_code, error.correlation_id) == (400, "architect.validation", "c0ffee")
    assert str(error) == (
        "GET /api/v2/flows/{flowId}: 400 architect.validation: The flow is not valid."
        " [missing startUpRef Main IVR] (correlation id c0ffee)"
    )


@pytest.mark.parametrize(
    "body",
    [
        {"message": "You are missing the following permission(s): architect:flow:view"},
        {"message": "Forbidden.", "messageParams": {"permissions": "architect:flow:view"}},
        {"message": "No."},
    ],
    ids=["in the message", "in the parameters", "not told: from the table"],
)
async def test_a_403_names_the_missing_permission(clock: SteppedClock, body: dict[str, object]) -> None:
    error = await _error(script(reply(403, body)), clock)
    assert isinstance(error, PermissionMissing)
    assert error.permission == "architect:flow:view"
    assert "architect:flow:view" in error.message


async def test_a_403_names_the_missing_scope_of_the_versioned_dialect(clock: SteppedClock) -> None:
    call = ApiCall("PUT", "/api/v2/routing/flows/{flowId}", {"flowId": "f"})
    error = await _error(script(reply(403, {"message": "Forbidden"})), clock, call)
    assert isinstance(error, PermissionMissing)
    assert error.permission == "routing:flow:write"


async def test_the_dialect_decides_what_a_silent_403_means(clock: SteppedClock) -> None:
    for dialect, permission in (("architect", "architect:flow:view"), ("versioned", "flow:view")):
        transport = script(refusal(403, "forbidden", "Forbidden")).transport(clock, ONCE)
        transport.dialect = dialect
        with pytest.raises(PermissionMissing) as caught:
            await transport.send(ApiCall("GET", "/api/v2/flows"))
        assert caught.value.permission == permission


@pytest.mark.parametrize("status", [404, 410])
async def test_what_is_gone_is_not_found(clock: SteppedClock, status: int) -> None:
    error = await _error(script(refusal(status, "architect.flow.deleted", "Flow has been deleted.")), clock)
    assert isinstance(error, NotFound)
    assert error.status == status


async def test_an_error_page_shows_its_first_words_without_markup(clock: SteppedClock) -> None:
    page = b"<html><head><style>p {}</style></head><body><h1>502 Bad Gateway</h1>nginx</body></html>"
    error = await _error(script(httpx.Response(502, content=page)), clock)
    assert isinstance(error, ServerFault)
    assert "502 Bad Gateway nginx" in error.message
    assert "<" not in error.message


async def test_error_texts_hold_no_secret_no_token_and_no_signed_link(clock: SteppedClock) -> None:
    words = (
        f"client {SECRET} with Bearer token-1-very-long-indeed failed at https://s3.test/file.yaml?X-Amz-Signature=abc"
        "&X-Amz-Credential=def and again\nhttps://user:pass@host.test/x?Expires=1"
    )
    error = await _error(script(refusal(400, "bad.request", words)), clock)
    for secret in (SECRET, "token-1-very", "abc", "def", "user:pass", "Expires"):
        assert secret not in error.message
    assert "https://s3.test/file.yaml?***" in error.message


async def test_error_texts_are_one_short_line(clock: SteppedClock) -> None:
    error = await _error(script(refusal(400, "bad.request", "a\x1b[31m\r\n\x00" + "long " * 10_000)), clock)
    assert len(error.message) < 700
    assert error.message.isprintable()


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000, b'{"message": 5}'])
async def test_an_error_body_of_any_shape_is_survived(clock: SteppedClock, content: bytes) -> None:
    error = await _error(script(httpx.Response(400, content=content)), clock)
    assert isinstance(error, RequestRejected)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", ["https://evil.test/steal", "/api/v2/elsewhere", ""])
async def test_credentials_never_follow_a_redirect(clock: SteppedClock, status: int, place: str) -> None:
    organization = script(httpx.Response(status, headers={"Location": place}))
    error = await _error(organization, clock)
    assert isinstance(error, HostNotAllowed)
    assert "redirect" in error.message
    assert [request.url.host for request in organization.requests] == ["api.genesys.test"]


async def test_the_client_secret_never_follows_a_redirect_of_the_login_host(clock: SteppedClock) -> None:
    organization = script(tokens=[httpx.Response(307, headers={"Location": "https://evil.test/oauth/token"})])
    assert isinstance(await _error(organization, clock), HostNotAllowed)
    assert [request.url.host for request in organization.token_requests] == ["login.genesys.test"]
    assert organization.requests == []


async def test_cookies_are_not_kept(clock: SteppedClock) -> None:
    organization = script(reply(headers={"Set-Cookie": "session=1"}))
    transport = organization.transport(clock)
    await transport.send(CALL)
    await transport.send(CALL)
    assert "cookie" not in organization.requests[1].headers


@pytest.mark.parametrize("flow_id", ["", ".", ".."])
async def test_an_id_that_would_change_the_path_is_refused(clock: SteppedClock, flow_id: str) -> None:
    organization = script()
    error = await _error(organization, clock, ApiCall("GET", "/api/v2/flows/{flowId}", {"flowId": flow_id}))
    assert "flowId" in error.message
    assert organization.requests == []


async def test_ids_are_escaped_in_the_path(clock: SteppedClock) -> None:
    organization = script()
    call = ApiCall("DELETE", "/api/v2/flows/{flowId}", {"flowId": "a/../b?c#d"})
    await organization.transport(clock).send(call)
    assert organization.requests[0].url.raw_path == b"/api/v2/flows/a%2F..%2Fb%3Fc%23d"
