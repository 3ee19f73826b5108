"""Only receivers that the operator allowed are ever called, and what is sent can be checked."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from controller.domain.errors.manifest import HostNotAllowed
from controller.domain.errors.process import SettingsInvalid
from controller.notify.receiver import Receiver, checked_receiver
from controller.notify.webhook import sign
from tests.support.signatures import verify

SECRET = "0123456789abcdef"
ALLOWED = ("hooks.example.com",)


@pytest.mark.parametrize(
    "url",
    ["https://hooks.example.com/x", "https://HOOKS.example.com:8443/x", "http://hooks.example.com"],
)
def test_a_host_on_the_list_is_accepted(url: str) -> None:
    assert checked_receiver(Receiver("cm", url, SECRET), ALLOWED).host == "hooks.example.com"


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/x",
        "https://hooks.example.com.evil.com/",
        "https://hooks.example.com./",
        "http://169.254.169.254/latest",
        "http://[::1]/",
        "http://localhost/",
        "https://evil.com/?hooks.example.com",
        "https://evil.com#@hooks.example.com",
    ],
)
def test_a_host_that_is_not_on_the_list_is_refused(url: str) -> None:
    with pytest.raises(HostNotAllowed, match="receiver cm"):
        checked_receiver(Receiver("cm", url, SECRET), ALLOWED)


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("ftp://hooks.example.com/", SECRET),
        ("file:///etc/passwd", SECRET),
        ("https://", SECRET),
        ("hooks.example.com", SECRET),
        ("https://user:pw@hooks.example.com/", SECRET),
        ("https://hooks.example.com@evil.com/", SECRET),
        ("https://hooks.example.com:99999/", SECRET),
        ("https://hooks.example.com/", "short"),
    ],
)
def test_urls_and_secrets_that_will_not_do_are_refused_without_being_shown(url: str, secret: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        checked_receiver(Receiver("cm", url, secret), ("hooks.example.com", "evil.com"))
    assert url not in caught.value.message
    assert "pw" not in caught.value.message


def test_a_receiver_shows_neither_url_nor_secret() -> None:
    shown = repr(Receiver("cm", "https://hooks.example.com/secret-path", SECRET))
    assert "secret-path" not in shown
    assert SECRET not in shown


def test_the_signature_is_hmac_sha256_over_time_and_body() -> None:
    expected = hmac.new(SECRET.encode(), b'1767614400.{"a":1}', hashlib.sha256).hexdigest()
    assert sign(SECRET, 1767614400, b'{"a":1}') == f"sha256={expected}"


def test_a_receiver_can_tell_genuine_from_forged_and_old() -> None:
    signature = sign(SECRET, 1000, b"body")
    assert verify(SECRET, (signature, "1000"), b"body", now=1299)
    assert not verify(SECRET, (signature, "1000"), b"body", now=1301)
    assert not verify(SECRET, (signature, "1000"), b"Body", now=1000)
    assert not verify(SECRET, (signature, "1001"), b"body", now=1001)
    assert not verify("another-secret-x", (signature, "1000"), b"body", now=1000)
    assert not verify(SECRET, (signature, "²"), b"body", now=1000)
    assert not verify(SECRET, ("é", "1000"), b"body", now=1000)
