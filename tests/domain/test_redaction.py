"""Secrets: every form of a registered one is masked, ordinary text is not, and there is one register."""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import pytest

from controller.domain.errors.change import PublishFailed
from controller.domain.redaction import MASK, SECRETS, Redactor

SECRET = "p@ss/w+rd \"quoted\" & 'single' <ümläut> \\ 100%"
CONTROLLER = Path(__file__).parents[2] / "controller"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS = {
    "plain": SECRET,
    "json": json.dumps(SECRET)[1:-1],
    "json with its own letters": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "json within json": json.dumps(json.dumps(SECRET)[1:-1])[1:-1],
    "single-quoted yaml": SECRET.replace("'", "''"),
    "html": html.escape(SECRET),
    "url path": quote(SECRET),
    "url component": quote(SECRET, safe=""),
    "url component in small letters": re.sub("%..", lambda found: found[0].lower(), quote(SECRET, safe="")),
    "form": quote_plus(SECRET),
    "base64": encoded(SECRET),
    "base64 without padding": encoded(SECRET).rstrip("="),
    "url-safe base64": encoded(SECRET).replace("+", "-").replace("/", "_"),
    "base64 of the pair": encoded(f"client:{SECRET}"),
    "base64 of the pair without padding": encoded(f"client:{SECRET}").rstrip("="),
    "url-encoded base64 of the pair": quote(encoded(f"client:{SECRET}"), safe=""),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_client_secret_is_masked(form: str) -> None:
    register = Redactor()
    register.register_client("client", SECRET)

    shown = register.plain(f"The server said: {FORMS[form]}.")

    assert FORMS[form] not in shown
    assert MASK in shown
    assert shown.startswith("The server said: ")
    assert "ümläut" not in shown
    assert encoded(SECRET)[8:24] not in shown


@pytest.mark.parametrize("user", ["a", "ab", "abc", "x-access-token"])
def test_base64_of_any_longer_text_with_the_secret_in_it_is_masked(user: str) -> None:
    """The middle of the secret shows at none of the three places where it can begin."""
    secret = "hunter2-hunter2-hunter2"
    register = Redactor([secret])

    shown = register.plain(encoded(f"{user}:{secret}:and more"))

    inside = shown.replace(MASK, "")
    assert len(inside) < len(encoded(f"{user}:{secret}:and more")) - len(secret)
    assert MASK in shown


@pytest.mark.parametrize("value", ["", "abc", "1234567", "true", "flow", "Welcome", "inboundcall", "  main  "])
def test_short_values_and_single_words_mask_nothing(value: str) -> None:
    text = f"The inboundcall flow says Welcome: {value} 1234567"
    assert Redactor([value]).text(text) == text


def test_each_line_of_a_secret_of_several_lines_is_masked() -> None:
    register = Redactor(["-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"])
    assert register.text("  MIIEvQIBADANBg\n  kqhkiG9w0BAQEF") == f"  {MASK}\n  {MASK}"


def test_a_value_is_masked_until_all_who_registered_it_forget_it() -> None:
    register = Redactor(["token-0123456789"])
    register.register("token-0123456789")
    register.forget("token-0123456789")
    assert register.plain("token-0123456789") == MASK
    register.forget("token-0123456789")
    assert register.plain("token-0123456789") == "token-0123456789"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgresql://penstock:p@ss@db/penstock", f"postgresql://{MASK}@db/penstock"),
        ("postgresql://db/penstock?user=u&password=x1", f"postgresql://db/penstock?user=u&password={MASK}"),
        (
            "postgresql://db/penstock?sslpassword=x1&sslmode=require",
            f"postgresql://db/penstock?sslpassword={MASK}&sslmode=require",
        ),
        ("https://git.example.com/a?mail=x@y.example", "https://git.example.com/a?mail=x@y.example"),
    ],
)
def test_urls_lose_their_passwords(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown


def test_errors_are_masked_when_they_are_made() -> None:
    """Wherever an error's words go, to a plan, a store, a log or a receiver, the secret is not in them."""
    SECRETS.register("hunter2hunter2")
    error = PublishFailed("bad value hunter2hunter2 in a task", hint=f"see {urlencode({'q': 'hunter2hunter2'})}")
    assert (error.message, error.hint, str(error)) == (f"bad value {MASK} in a task", f"see q={MASK}", error.message)


def test_there_is_one_register_in_the_program() -> None:
    made = [
        path.relative_to(CONTROLLER).as_posix()
        for path in sorted(CONTROLLER.rglob("*.py"))
        for _ in re.findall(r"\bRedactor\(", path.read_text(encoding="utf-8"))
    ]
    assert made == ["domain/redaction.py"]
