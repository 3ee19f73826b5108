"""Webhooks of forges: a push to the followed branch is delivered without waiting for the poll; nothing else counts."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette

from controller.domain.clock import SystemClock
from controller.domain.errors.process import SettingsInvalid
from controller.reconcile.announcing import incoming_webhook_secret
from controller.reconcile.settings import load_settings
from controller.service.incoming import LARGEST_BODY, SENDERS, HookedRepository, IncomingWebhooks, Result, is_signed
from tests.support.service import Service
from tests.support.shell import simulator_thread
from tests.support.sources import inbound
from tests.support.world import World

SECRET = "c2a1b7d0f3e94c5d8a6b"
REPOSITORY = "https://git.example.com/voice/flows.git"
GITHUB_BODY = {"repository": {"full_name": "voice/flows", "clone_url": "https://github.example.com/voice/flows.git"}}
GITLAB_BODY = {
    "project": {"path_with_namespace": "voice/flows", "git_ssh_url": "git@gitlab.example.com:voice/flows.git"}
}
FORGES = ["github", "gitlab", "gitea"]


class Messages:
    """The endpoints, and what the controller was told."""

    def __init__(self, url: str = REPOSITORY) -> None:
        self.pushes: list[str] = []
        self.pull_requests: list[int] = []
        self.counts: Counter[tuple[str, str]] = Counter()
        repository = HookedRepository(SECRET, url, self._pushed, self._changed)
        webhooks = IncomingWebhooks([repository], SystemClock(), lambda *key: self.counts.update([key]))
        self._app = Starlette(routes=webhooks.routes())

    def _pushed(self, branch: str) -> bool:
        self.pushes.append(branch)
        return branch == "main"

    def _changed(self, number: int) -> bool:
        self.pull_requests.append(number)
        return True

    async def send(self, forge: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self._app)
        async with httpx.AsyncClient(transport=transport, base_url="http://controller") as client:
            return await client.post(f"/webhooks/{forge}", content=body, headers=headers)

    async def push(self, forge: str, *, secret: str = SECRET, **changes: Any) -> httpx.Response:
        body, headers = message(forge, "push", {"ref": "refs/heads/main", **changes}, secret)
        return await self.send(forge, body, headers)


def message(forge: str, event: str, fields: dict[str, Any], secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """A message as the forge sends it: body and headers."""
    about = GITLAB_BODY if forge == "gitlab" else GITHUB_BODY
    body = json.dumps(about | fields).encode()
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    if forge == "github":
        return body, {"X-GitHub-Event": event, "X-Hub-Signature-256": f"sha256={signature}"}
    if forge == "gitea":
        return body, {"X-Gitea-Event": event, "X-Gitea-Signature": signature, "X-GitHub-Event": event}
    named = {"push": "Push Hook", "pull_request": "Merge Request Hook"}.get(event, event)
    return body, {"X-Gitlab-Event": named, "X-Gitlab-Token": secret}


def test_a_signature_is_checked_as_githubs_documentation_has_it() -> None:
    """The values are those of "Testing the webhook payload validation" on docs.github.com."""
    header = {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}

    assert is_signed(SENDERS["github"], "It's a Secret to Everybody", header, b"Hello, World!")
    assert not is_signed(SENDERS["github"], "It's a Secret to Everybody", header, b"Hello, World?")


@pytest.mark.parametrize("forge", FORGES)
async def test_a_push_to_the_followed_branch_wakes_the_controller(forge: str) -> None:
    messages = Messages()

    answer = await messages.push(forge)

    assert answer.status_code == 202
    assert messages.pushes == ["main"]
    assert messages.counts == {(forge, Result.ACCEPTED): 1}


def test_a_token_may_have_letters_beyond_ascii() -> None:
    """Headers are bytes; a client sends a token that GitLab was given in UTF-8."""
    header = {"x-gitlab-token": "geheimes Tor für Größe".encode().decode("latin-1")}

    assert is_signed(SENDERS["gitlab"], "geheimes Tor für Größe", header, b"{}")
    assert not is_signed(SENDERS["gitlab"], "geheimes Tor fur Grosse", header, b"{}")


@pytest.mark.parametrize("forge", FORGES)
async def test_a_message_signed_with_another_secret_does_nothing_and_is_counted(forge: str) -> None:
    messages = Messages()

    answer = await messages.push(forge, secret="another secret that is long")

    assert answer.status_code == 401
    assert messages.pushes == []
    assert messages.counts == {(forge, Result.FORGED): 1}


@pytest.mark.parametrize("forge", FORGES)
@pytest.mark.parametrize("signature", [None, "", "sha256=", "é", "0" * 64])
async def test_a_message_without_a_valid_signature_does_nothing(forge: str, signature: str | None) -> None:
    messages = Messages()
    body, headers = message(forge, "push", {"ref": "refs/heads/main"})
    for name in ("X-Hub-Signature-256", "X-Gitea-Signature", "X-Gitlab-Token"):
        headers.pop(name, None)
        if signature is not None:
            headers[name] = signature

    answer = await messages.send(forge, body, {key: value.encode() for key, value in headers.items()})

    assert answer.status_code == 401
    assert messages.pushes == []
    assert messages.counts == {(forge, Result.FORGED): 1}


@pytest.mark.parametrize("forge", ["github", "gitea"])
async def test_a_changed_body_does_nothing(forge: str) -> None:
    messages = Messages()
    body, headers = message(forge, "push", {"ref": "refs/heads/other"})

    answer = await messages.send(forge, body.replace(b"other", b"main"), headers)

    assert answer.status_code == 401
    assert messages.pushes == []


@pytest.mark.parametrize("forge", FORGES)
async def test_the_same_message_counts_once_under_any_delivery_number(forge: str) -> None:
    messages = Messages()
    body, headers = message(forge, "push", {"ref": "refs/heads/main"})

    first = await messages.send(forge, body, {**headers, "X-GitHub-Delivery": "1"})
    again = await messages.send(forge, body, {**headers, "X-GitHub-Delivery": "2"})

    assert [first.status_code, again.status_code] == [202, 200]
    assert messages.pushes == ["main"]
    assert messages.counts[forge, Result.REPEATED] == 1


@pytest.mark.parametrize("forge", FORGES)
@pytest.mark.parametrize(
    "fields",
    [
        {"ref": "refs/heads/penstock/records"},
        {"ref": "refs/tags/main"},
        {"ref": None},
        {"repository": {"full_name": "voice/other"}, "project": {"path_with_namespace": "voice/other"}},
        {"repository": {"full_name": "flows"}, "project": {"path_with_namespace": "deep/voice/flows"}},
        {"repository": "voice/flows", "project": ["voice/flows"]},
    ],
    ids=["another branch", "a tag", "no ref", "another repository", "part of the path", "not an object"],
)
async def test_other_branches_and_other_repositories_are_ignored(forge: str, fields: dict[str, Any]) -> None:
    messages = Messages()

    answer = await messages.push(forge, **fields)

    assert answer.status_code == 200
    assert "main" not in messages.pushes
    assert messages.counts == {(forge, Result.IGNORED): 1}


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example.com/Voice/Flows",
        "https://git.example.com:8443/voice/flows.git/",
        "ssh://git@ssh.example.com:443/voice/flows.git",
        "git@git.example.com:voice/flows.git",
    ],
)
@pytest.mark.parametrize("forge", FORGES)
async def test_the_repository_is_recognised_however_its_url_is_written(forge: str, url: str) -> None:
    messages = Messages(url)

    assert (await messages.push(forge)).status_code == 202


@pytest.mark.parametrize(
    ("forge", "fields"),
    [
        ("github", {"number": 7, "pull_request": {"number": 7}}),
        ("gitea", {"number": 7, "pull_request": {"number": 7}}),
        ("gitlab", {"object_attributes": {"iid": 7, "id": 4711}}),
    ],
)
async def test_an_event_about_a_pull_request_tells_its_number(forge: str, fields: dict[str, Any]) -> None:
    messages = Messages()
    body, headers = message(forge, "pull_request", fields)

    answer = await messages.send(forge, body, headers)

    assert answer.status_code == 202
    assert messages.pull_requests == [7]
    assert messages.pushes == []


@pytest.mark.parametrize("number", [None, "7", True, -1, 2**60, {}])
async def test_a_number_that_is_none_plans_no_pull_request(number: object) -> None:
    messages = Messages()
    body, headers = message("github", "pull_request", {"pull_request": {"number": number}})

    assert (await messages.send("github", body, headers)).status_code == 200
    assert messages.pull_requests == []


@pytest.mark.parametrize("forge", FORGES)
async def test_an_event_that_is_not_used_is_answered_and_ignored(forge: str) -> None:
    messages = Messages()
    body, headers = message(forge, "ping", {"zen": "Keep it logically awesome."})

    assert (await messages.send(forge, body, headers)).status_code == 200
    assert messages.counts == {(forge, Result.IGNORED): 1}


@pytest.mark.parametrize("forge", FORGES)
async def test_a_body_that_is_too_large_is_not_read_to_its_end(forge: str) -> None:
    messages = Messages()
    _, headers = message(forge, "push", {})
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 100 * LARGEST_BODY:
            sent += 1024**2
            yield b" " * 1024**2

    transport = httpx.ASGITransport(messages._app)
    async with httpx.AsyncClient(transport=transport, base_url="http://controller") as client:
        answer = await client.post(f"/webhooks/{forge}", content=endless(), headers=headers)

    assert answer.status_code == 413
    assert sent <= LARGEST_BODY + 2 * 1024**2
    assert messages.counts == {(forge, Result.TOO_LARGE): 1}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"[" * 200_000, b'"push"'])
async def test_a_signed_body_that_is_no_object_is_a_bad_request(body: bytes) -> None:
    messages = Messages()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={signature}"}

    assert (await messages.send("github", body, headers)).status_code == 400
    assert messages.counts == {("github", Result.UNREADABLE): 1}


async def test_a_message_in_a_form_field_is_read() -> None:
    messages = Messages()
    body = urlencode({"payload": json.dumps(GITHUB_BODY | {"ref": "refs/heads/main"})}).encode()
    headers = {
        "X-GitHub-Event": "push",
        "X-Hub-Signature-256": "sha256=" + hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    }

    assert (await messages.send("github", body, headers)).status_code == 202
    assert messages.pushes == ["main"]


@pytest.mark.parametrize("forge", FORGES)
async def test_nothing_but_a_post_is_answered(forge: str) -> None:
    messages = Messages()
    transport = httpx.ASGITransport(messages._app)
    async with httpx.AsyncClient(transport=transport, base_url="http://controller") as client:
        assert (await client.get(f"/webhooks/{forge}")).status_code == 405
    assert messages.pushes == []


@pytest.fixture
def service(world: World, tmp_path: Path) -> Iterator[Service]:
    """A controller that polls once in a day."""
    with simulator_thread(rate_limit=3000) as url:
        world.describe(apiUrl=url, loginUrl=url)
        world.flow("front", inbound("Front"))
        world.commit()
        made = Service(world, url, tmp_path)
        made.environment["PENSTOCK_POLL_INTERVAL"] = "86400"
        yield made
        if made.process is not None and made.process.poll() is None:
            made.process.kill()
            made.process.wait()


def sent(service: Service, forge: str, secret: str = SECRET) -> int:
    about = {"clone_url": f"file://{service.world.remote}", "git_http_url": f"file://{service.world.remote}"}
    tip = service.world._git(service.world.remote, "rev-parse", "main").strip()
    fields = {"ref": "refs/heads/main", "after": tip, "repository": about, "project": about}
    body, headers = message(forge, "push", fields, secret)
    return httpx.post(f"http://127.0.0.1:{service.port}/webhooks/{forge}", content=body, headers=headers).status_code


def counted(service: Service, forge: str, result: Result) -> bool:
    answer = service.get("/metrics")
    assert answer is not None
    return f'penstock_incoming_webhooks_total{{forge="{forge}",result="{result}"}} 1.0' in answer.text


async def test_a_push_is_published_without_a_poll_and_a_forged_message_reads_nothing(
    service: Service, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    service.environment["PENSTOCK_INCOMING_WEBHOOK_SECRET_FILE"] = str(tmp_path / "secret")
    service.start()
    service.until(lambda: service.organization().get("message") == "in sync", "the first delivery")

    for number, forge in enumerate(FORGES, start=2):
        service.world.flow("front", inbound("Front", says=f"Hello number {number}"))
        service.world.commit(f"Say {number}")
        assert sent(service, forge, secret="somebody else's secret") == 401
        assert counted(service, forge, Result.FORGED)
        assert service.log.read_text().count("revision.read") == number - 1, "a forged message read the remote"
        assert sent(service, forge) == 202
        service.until(lambda number=number: service.live() == {"Front": f"{number}.0"}, "the publish")
        service.until(lambda: service.organization().get("message") == "in sync", "rest")

    assert service.stop() == 0
    assert SECRET not in service.log.read_text()


def test_a_secret_that_can_be_guessed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_INCOMING_WEBHOOK_SECRET", "short")

    with pytest.raises(SettingsInvalid, match="the secret of incoming webhooks has 5 characters"):
        incoming_webhook_secret(load_settings())


async def test_without_a_secret_there_is_no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PENSTOCK_INCOMING_WEBHOOK_SECRET", raising=False)

    assert incoming_webhook_secret(load_settings()) is None
