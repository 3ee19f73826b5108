"""The client of `--server`, against a server that knows neither Penstock nor httpx."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from controller.cli import exit_codes
from controller.cli.remote import ControllerClient, open_remote, problem_of
from controller.domain.errors.api import ControllerUnavailable, ControllerUnusable, Unauthenticated
from controller.domain.errors.delivery import PlanStale
from controller.domain.errors.process import SettingsInvalid
from controller.questions.decision_documents import ApprovalDocument
from controller.reconcile.settings import Settings
from tests.support.certificates import own_certificate
from tests.support.scripted import BROKEN, Answer, Served

DIGEST = f"sha256:{'0' * 64}"
APPROVAL = {
    "schema": "penstock.approval/v1",
    "organization": "acme",
    "digest": DIGEST,
    "by": "ada",
    "at": "2026-11-24T14:05:00+00:00",
}


def approve(remote: ControllerClient, *, again: bool = True) -> ApprovalDocument:
    body = {"reason": "checked", "digest": DIGEST, "left": None}
    return remote.post("/organizations/acme/approve", ApprovalDocument, body, again=again)


def test_a_request_has_the_token_and_only_what_is_given(remote: ControllerClient, served: Served) -> None:
    served.answers = [Answer(200, APPROVAL)]

    found = approve(remote)

    ((line, headers, body),) = served.asked
    assert line == "POST /api/v1/organizations/acme/approve"
    assert headers["authorization"] == "Bearer token-of-ada"
    assert json.loads(body) == {"reason": "checked", "digest": DIGEST}
    assert (found.by, found.at.isoformat()) == ("ada", "2026-11-24T14:05:00+00:00")


def test_one_command_has_one_idempotency_key_however_often_it_asks(remote: ControllerClient, served: Served) -> None:
    served.answers = [BROKEN, Answer(503, {}), Answer(200, APPROVAL)]

    approve(remote)

    keys = {headers["idempotency-key"] for _, headers, _ in served.asked}
    assert len(served.asked) == 3
    assert len(keys) == 1
    with ControllerClient(served.url, None) as other:
        served.answers = [Answer(200, APPROVAL)]
        approve(other)
    assert served.asked[-1][1]["idempotency-key"] not in keys
    assert "authorization" not in served.asked[-1][1]


def test_the_pause_is_the_one_that_the_controller_asks_for(
    remote: ControllerClient, served: Served, pauses: list[float]
) -> None:
    served.answers = [Answer(429, {}, {"retry-after": "7"}), Answer(503, {}), Answer(200, APPROVAL)]

    approve(remote)

    assert pauses == [7.0, 1.0]


def test_a_controller_that_asks_for_more_than_half_a_minute_is_not_waited_for(
    remote: ControllerClient, served: Served, pauses: list[float]
) -> None:
    problem = {"detail": "too many requests", "code": "too-many-requests", "hint": "wait"}
    served.answers = [Answer(429, problem, {"retry-after": "3600"})]

    with pytest.raises(Exception, match="too many requests") as caught:
        approve(remote)

    assert (caught.value.code, pauses) == ("too-many-requests", [])  # type: ignore[attr-defined]


def test_what_may_not_be_repeated_is_sent_once_and_its_end_is_told_as_unknown(
    remote: ControllerClient, served: Served
) -> None:
    served.answers = [BROKEN]

    with pytest.raises(ControllerUnavailable, match="may or may not have taken effect"):
        approve(remote, again=False)

    assert len(served.asked) == 1


def test_a_server_that_never_answers_is_given_up_after_four_tries(
    remote: ControllerClient, served: Served, pauses: list[float]
) -> None:
    served.answers = [BROKEN] * 4

    with pytest.raises(ControllerUnavailable):
        remote.get("/organizations/acme", ApprovalDocument)

    assert (len(served.asked), pauses) == (4, [0.5, 1.0, 2.0])


def test_a_redirect_is_not_followed(remote: ControllerClient, served: Served) -> None:
    with Served(answers=[Answer(200, APPROVAL)]) as elsewhere:
        served.answers = [Answer(307, {}, {"location": f"{elsewhere.url}/api/v1/organizations/acme/approve"})]

        with pytest.raises(ControllerUnusable, match="redirects"):
            approve(remote)

        assert elsewhere.asked == []


def test_a_problem_is_our_error_with_its_code_hint_and_exit_code(remote: ControllerClient, served: Served) -> None:
    served.answers = [Answer(409, {"detail": "acme: another plan\x1b[31m", "code": "plan-stale", "hint": "look"})]

    with pytest.raises(PlanStale) as caught:
        approve(remote)

    assert (caught.value.message, caught.value.hint) == ("acme: another plan\\x1b[31m", "look")
    assert exit_codes.for_error(caught.value) == exit_codes.REFUSED


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [
        (401, b'{"detail": "who are you?", "code": "unauthenticated", "hint": null}', Unauthenticated),
        (404, b"<html>not found</html>", ControllerUnusable),
        (500, b"<html>sorry</html>", ControllerUnavailable),
        (409, b'{"detail": "new in a later version", "code": "unheard-of", "hint": null}', ControllerUnusable),
        (422, b'{"detail": "3 mistakes", "code": "manifest-invalid", "hint": null}', ControllerUnusable),
        (400, b'{"detail": ["no text"], "code": 7}', ControllerUnusable),
        (299, b"", ControllerUnusable),
    ],
)
def test_what_is_no_problem_of_ours_says_who_answered(status: int, content: bytes, kind: type) -> None:
    found = problem_of("https://penstock.test", status, content)
    assert type(found) is kind
    assert kind is Unauthenticated or "https://penstock.test" in found.message


@pytest.mark.parametrize(
    "body", [b"<html>", b"{}", {**APPROVAL, "schema": "penstock.approval/v2"}, {**APPROVAL, "at": "soon"}]
)
def test_an_answer_of_another_shape_is_not_guessed_at(remote: ControllerClient, served: Served, body: object) -> None:
    served.answers = [Answer(200, body)]

    with pytest.raises(ControllerUnusable, match="ApprovalDocument"):
        approve(remote)


def test_fields_of_a_later_version_are_ignored(remote: ControllerClient, served: Served) -> None:
    served.answers = [Answer(200, {**APPROVAL, "mood": "good"})]

    assert approve(remote).by == "ada"


def test_an_endless_answer_is_cut_off(remote: ControllerClient, served: Served) -> None:
    served.answers = [Answer(200, b" " * (65 * 1024**2))]

    with pytest.raises(ControllerUnusable, match="more than 64 MiB"):
        approve(remote)


@pytest.mark.parametrize("server", ["http://penstock.example.com", "http://10.0.0.7:8081"])
def test_the_token_goes_nowhere_without_tls_unless_the_operator_allows_it(
    monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    with pytest.raises(SettingsInvalid, match="has no TLS"):
        open_remote(server, Settings())

    monkeypatch.setenv("PENSTOCK_INSECURE_SERVERS", "penstock.example.com, 10.0.0.7:8081")
    open_remote(server, Settings()).close()


@pytest.mark.parametrize("server", ["penstock.example.com", "https://ada:secret@penstock.example.com", "https://a/b?c"])
def test_what_is_no_address_is_refused(server: str) -> None:
    with pytest.raises(SettingsInvalid, match="--server"):
        open_remote(server, Settings())


@pytest.mark.parametrize("token", ["tok en", "tok\u00e9n", "token\nX-Other: 1"])
def test_a_token_that_cannot_be_one_is_refused(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("PENSTOCK_TOKEN", token)

    with pytest.raises(SettingsInvalid, match="PENSTOCK_TOKEN"):
        open_remote("https://penstock.example.com", Settings())


def test_a_proxy_of_the_environment_does_not_read_what_is_not_encrypted(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Served(answers=[Answer(200, APPROVAL)]) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        served.answers = [Answer(200, APPROVAL)]
        with open_remote(served.url, Settings()) as remote:
            approve(remote)

        assert (len(served.asked), proxy.asked) == (1, [])


def test_an_own_authority_is_trusted_where_ssl_cert_file_names_it(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = own_certificate(tmp_path)
    served.encrypt(certificate)
    served.answers = [Answer(200, APPROVAL)]

    with (
        ControllerClient(served.url, "token-of-ada", pytest.fail) as remote,
        pytest.raises(ControllerUnusable) as caught,
    ):
        approve(remote)
    assert "PENSTOCK_CA_FILE" in str(caught.value.hint)
    assert served.asked == []

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with open_remote(served.url, Settings()) as remote:
        assert approve(remote).by == "ada"
