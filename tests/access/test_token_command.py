"""`penstock token` makes a token that the service takes, and shows it once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from controller.cli.main import run
from controller.service.access.tokens import hash_of
from tests.access.served import served


async def test_the_entry_that_is_printed_lets_the_token_in(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["token", "ci", "--role", "operate", "-o", "uk-*", "-o", "voice", "--days", "30"]) == 0
    token, _, entry = capsys.readouterr().out.partition("\n")
    file = tmp_path / "made.yaml"
    file.write_text(entry, encoding="utf-8")

    with served(tmp_path, tokens_file=file) as service:
        async with service.client(token) as client:
            assert (await client.post("/organizations/uk-sales/suspend")).status_code == 200
            assert (await client.post("/organizations/us-sales/suspend")).status_code == 403
    assert service.suspended == [("uk-sales", "ci")]
    [made] = yaml.safe_load(entry)["tokens"]
    assert made["hash"] == hash_of(token)
    assert token not in entry
    ends = datetime.fromisoformat(made["expires"])
    assert timedelta(days=29) < ends - datetime.now(UTC) < timedelta(days=30, minutes=1)


def test_no_two_tokens_are_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(3):
        assert run(["token", "wall", "--role", "read"]) == 0
    tokens = [line for line in capsys.readouterr().out.splitlines() if line.startswith("penstock_")]

    assert len(set(tokens)) == len(tokens) == 3
    assert all(len(token) == len("penstock_") + 43 for token in tokens), "256 bits each"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ci"], "--role"),
        (["ci", "--role", "admin"], "--role"),
        (["ci", "--role", "read", "--days", "0"], "--days"),
        (["a\nb", "--role", "read"], "no token can have this name"),
        (["", "--role", "read"], "no token can have this name"),
    ],
)
def test_a_wrong_command_line_makes_no_token(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(["token", *arguments]) == 1
    shown = capsys.readouterr()

    assert said in shown.err
    assert "penstock_" not in shown.out
