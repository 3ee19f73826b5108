"""A bearer token is known by its hash, has a role in some organisations, and ends."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import MASK, SECRETS
from controller.service.access.person import Role
from controller.service.access.tokens import TokenFile, expiry, hash_of, new_entry, new_token
from tests.support.clock import SteppedClock


def written(path: Path, *entries: Mapping[str, object]) -> Path:
    path.write_text(yaml.safe_dump({"tokens": list(entries)}), encoding="utf-8")
    return path


def entry(token: str, name: str = "ci", role: str = "operate", **more: object) -> dict[str, object]:
    return {"name": name, "hash": hash_of(token), "role": role, **more}


def test_a_token_names_its_person_with_the_roles_of_its_entry(tmp_path: Path) -> None:
    token, other = new_token(), new_token()
    path = written(
        tmp_path / "tokens.yaml", entry(token, organizations=["uk-*", "voice"]), entry(other, "wall", "read")
    )
    tokens = TokenFile(path, SteppedClock())

    found = tokens.entry(token)
    person = None if found is None else found.person
    assert person is not None
    assert person.name == "ci"
    assert [person.may(Role.OPERATE, name) for name in ("uk-sales", "voice", "us-sales")] == [True, True, False]
    assert person.may(Role.READ, "voice")
    assert person.may(Role.OPERATE)
    found = tokens.entry(other)
    wall = None if found is None else found.person
    assert wall is not None
    assert wall.may(Role.READ, "anything")
    assert not wall.may(Role.OPERATE)


@pytest.mark.parametrize("changed", ["", "x", " ", "\x00"])
def test_a_token_with_one_more_character_is_unknown(tmp_path: Path, changed: str) -> None:
    token = new_token()
    tokens = TokenFile(written(tmp_path / "tokens.yaml", entry(token)), SteppedClock())

    assert (tokens.entry(token + changed) is not None) == (changed == "")
    assert tokens.entry(token[:-1]) is None
    assert tokens.entry(hash_of(token)) is None


def test_a_token_is_refused_from_its_end_on(tmp_path: Path) -> None:
    clock, token = SteppedClock(), new_token()
    made = new_entry(token, "ci", Role.READ, (), expiry(clock.now(), days=1))
    tokens = TokenFile(written(tmp_path / "tokens.yaml", made.model_dump(mode="json")), clock)
    assert made.expires == clock.now() + timedelta(days=1)

    clock.advance(24 * 3600 - 1)
    assert tokens.entry(token) is not None
    clock.advance(1)
    assert tokens.entry(token) is None


def test_a_changed_file_is_read_again_and_a_broken_one_lets_nobody_in(tmp_path: Path) -> None:
    first, second = new_token(), new_token()
    path = written(tmp_path / "tokens.yaml", entry(first))
    tokens = TokenFile(path, SteppedClock())

    written(tmp_path / "new.yaml", entry(second, "new")).replace(path)
    assert tokens.entry(first) is None
    assert tokens.entry(second) is not None
    (tmp_path / "broken.yaml").write_text("tokens: [{name: x}]", encoding="utf-8")
    (tmp_path / "broken.yaml").replace(path)
    assert tokens.entry(second) is None
    path.unlink()
    assert tokens.entry(second) is None
    written(path, entry(second, "new"))
    assert tokens.entry(second) is not None


def test_a_token_that_was_used_is_masked_everywhere(tmp_path: Path) -> None:
    token = new_token()
    tokens = TokenFile(written(tmp_path / "tokens.yaml", entry(token)), SteppedClock())
    assert tokens.entry(token) is not None

    assert SECRETS.text(f"a line with {token} in it") == f"a line with {MASK} in it"


_GOOD = {"name": "ci", "hash": hash_of("x"), "role": "read"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"tokens": [_GOOD | {"hash": "sha256:abc"}]}, "tokens.0.hash: it must be of the form sha256:HEX"),
        ({"tokens": [_GOOD | {"hash": "hunter2hunter2"}]}, "tokens.0.hash"),
        ({"tokens": [_GOOD | {"role": "admin"}]}, "tokens.0.role"),
        ({"tokens": [_GOOD | {"token": "hunter2hunter2"}]}, "tokens.0.token"),
        ({"tokens": [_GOOD | {"expires": "2027-01-01T00:00:00"}]}, "tokens.0.expires"),
        ({"tokens": [_GOOD | {"name": "a\nb"}]}, "tokens.0.name: it must be printable"),
        ({"tokens": [_GOOD, _GOOD | {"name": "other"}]}, "several entries have one hash: ci, other"),
        ([], "the file of tokens has mistakes"),
        ("tokens: [", "is no YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named_and_no_value_is_shown(tmp_path: Path, content: object, said: str) -> None:
    path = tmp_path / "tokens.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")

    with pytest.raises(SettingsInvalid) as caught:
        TokenFile(path, SteppedClock())

    assert said in caught.value.message
    assert str(path) in caught.value.message
    assert "hunter2" not in caught.value.message


def test_a_file_that_is_not_there_is_a_mistake_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="cannot read the file of tokens: No such file"):
        TokenFile(tmp_path / "none.yaml", SteppedClock())


def test_a_file_that_became_unreadable_lets_nobody_in(tmp_path: Path) -> None:
    token = new_token()
    path = written(tmp_path / "tokens.yaml", entry(token))
    tokens = TokenFile(path, SteppedClock())
    path.unlink()
    path.mkdir()

    assert tokens.entry(token) is None


def test_an_unknown_token_takes_as_many_comparisons_as_a_known_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hash is compared in constant time, and no match ends the search: the time tells nothing."""
    tokens = [new_token() for _ in range(5)]
    path = written(tmp_path / "tokens.yaml", *(entry(token, f"name-{token[-8:]}") for token in tokens))
    known = TokenFile(path, SteppedClock())
    compare, compared = hmac.compare_digest, list[str]()

    def counted(given: str, wanted: str) -> bool:
        compared.append(given)
        return compare(given, wanted)

    monkeypatch.setattr("hmac.compare_digest", counted)
    counts = []
    for token in (tokens[0], tokens[-1], new_token(), ""):
        compared.clear()
        known.entry(token)
        counts.append(len(compared))

    assert counts == [5, 5, 5, 5]
