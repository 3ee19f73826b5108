"""The lock file survives any name, is the same bytes for the same state, and is never silently misread."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.domain.errors.repository import RepositoryFailed
from controller.domain.identity import FlowKey
from controller.domain.recorded import RecordedFlow, RecordedState
from controller.repository.lockfile import decode, encode
from tests.repository.site import recorded

AWKWARD = [
    "Main ",
    "a\r\nb",
    "\t",
    "true",
    "no",
    "~",
    "13.0",
    "- x",
    "# no",
    "a: b",
    "☎️ 📞",
    "\x85",
    "\u2028",
    "\ufeff",
]
MARKS = ["<<<<<<< ours", "=======", "%a", "&a", "*a", "!x", "\x7f", "\x00", "\uffff", *" '\"|@`{["]
TEXT = st.text(min_size=1, max_size=30) | st.sampled_from(AWKWARD + MARKS)
KEYS = st.builds(FlowKey, TEXT, TEXT)
FLOWS = st.builds(
    RecordedFlow,
    key=KEYS,
    manifest=TEXT,
    flow_id=TEXT,
    version=TEXT,
    source_digest=st.none() | TEXT,
    export_digest=st.none() | TEXT,
    dependency_digest=TEXT,
    consumed=st.dictionaries(KEYS, TEXT, max_size=3),
    revision=st.none() | TEXT,
    recorded_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    dirty=st.booleans(),
)
STATES = st.builds(
    lambda organization, flows, *others: RecordedState(organization, {flow.key: flow for flow in flows}, *others),
    TEXT,
    st.lists(FLOWS, max_size=5),
    st.none() | TEXT,
    st.none() | TEXT,
    st.none() | TEXT,
)


@settings(deadline=None)
@given(STATES)
def test_every_state_survives_being_written_and_read(state: RecordedState) -> None:
    assert decode(encode(state), file="lock", organization=state.organization) == state


@settings(deadline=None)
@given(STATES)
def test_other_yaml_readers_see_the_same_text(state: RecordedState) -> None:
    document = yaml.safe_load(encode(state))
    names = [(flow["type"], flow["name"], flow["version"]) for flow in document["flows"]]
    assert names == [(key.type, key.name, state.flows[key].version) for key in sorted(state.flows)]


@settings(deadline=None)
@given(STATES, st.randoms())
def test_the_order_in_which_flows_were_recorded_leaves_no_trace(state: RecordedState, random: object) -> None:
    items = list(state.flows.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert encode(replace(state, flows=dict(items))) == encode(state)


def test_a_lock_file_is_readable_by_hand() -> None:
    flow = replace(recorded(version="13.0"), consumed={FlowKey("commonmodule", "Greeting"): "4.0"}, dirty=True)
    assert encode(RecordedState("production", {flow.key: flow})).decode() == (
        "# Written by Penstock: what was last delivered. Do not edit by hand.\n"
        "apiVersion: penstock/v1\n"
        "kind: Lock\n"
        "organization: production\n"
        "flows:\n"
        "  - type: inboundcall\n"
        '    name: "Flow main-ivr"\n'
        "    manifest: main-ivr\n"
        "    id: id-of-main-ivr\n"
        '    version: "13.0"\n'
        "    sourceDigest: sha256:aa\n"
        "    exportDigest: sha256:bb\n"
        "    dependencyDigest: sha256:cc\n"
        "    revision: c0ffee\n"
        '    recordedAt: "2026-01-05T12:00:00+00:00"\n'
        "    dirty: true\n"
        "    consumed:\n"
        "      - type: commonmodule\n"
        "        name: Greeting\n"
        '        version: "4.0"\n'
    )


def test_a_record_tells_which_organisation_it_is_of() -> None:
    content = encode(RecordedState("production", organization_id="0a1b-22")).decode()
    assert 'organization: production\norganizationId: "0a1b-22"\nflows: []\n' in content


def test_a_record_tells_which_store_made_it_and_where_its_controller_is() -> None:
    state = RecordedState("production", store_id="51-9a", server="https://penstock.example.com")
    content = encode(state).decode()

    assert 'store: "51-9a"\nserver: https://penstock.example.com\nflows: []\n' in content
    assert decode(content.encode(), file="lock", organization="production") == state


def test_a_record_from_before_controllers_had_addresses_is_read() -> None:
    content = "apiVersion: penstock/v1\nkind: Lock\norganization: production\nstore: 51-9a\nflows: []\n"
    found = decode(content.encode(), file="lock", organization="production")
    assert (found.store_id, found.server) == ("51-9a", None)


def test_times_are_written_in_utc() -> None:
    there = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    here = replace(recorded(), recorded_at=there.astimezone(UTC))
    flow = replace(recorded(), recorded_at=there)
    assert encode(RecordedState("o", {flow.key: flow})) == encode(RecordedState("o", {here.key: here}))


def test_a_version_that_someone_wrote_without_quotes_stays_text() -> None:
    content = encode(RecordedState("o", {recorded().key: recorded(version="13.0")})).replace(b'"13.0"', b"13.0")
    assert decode(content, file="lock", organization="o").flows[recorded().key].version == "13.0"


GOOD = encode(RecordedState("production", {recorded().key: recorded()})).decode()


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        ("", 1, "is empty"),
        ("# only a comment\n", 1, "is empty"),
        ("[]", 1, "expected keys and values"),
        ("just text", 1, "expected keys and values"),
        (GOOD.replace("apiVersion: penstock/v1", "apiVersion: penstock/v9"), 2, "apiVersion is 'penstock/v9'"),
        (GOOD.replace("kind: Lock", "kind: Flow"), 3, "kind is 'Flow'"),
        (GOOD.replace("organization: production", "organization: other"), 4, "organization is 'other'"),
        (GOOD.replace("    version:", "    versoin:"), 10, "unknown key 'versoin'"),
        (GOOD.replace('    version: "1.0"\n', ""), 6, "the key 'version' is missing"),
        (GOOD.replace('    version: "1.0"\n', "    version: [1]\n"), 10, "version must be text"),
        (GOOD.replace("    manifest:", "    id: x\n    manifest:"), 10, 'the key "id" occurs twice'),
        (GOOD + GOOD.partition("flows:\n")[2], 16, "'inboundcall/Flow main-ivr' twice"),
        (GOOD.partition("flows:")[0] + "flows: 3\n", 5, "flows must be a list"),
        (GOOD.replace('"2026-01-05T12:00:00+00:00"', "yesterday"), 15, "recordedAt is 'yesterday'"),
        (GOOD.replace("+00:00", ""), 15, "not a time with its offset"),
        (GOOD.replace("flows:", "flows: {"), 6, "not valid YAML"),
        (GOOD.replace("    id:", "\t id:"), 9, "not valid YAML"),
        (GOOD.replace("    id:", "<<<<<<< HEAD\n    id:"), 9, "markers of a merge conflict"),
        (GOOD.replace("    id:", "=======\r\n    id:"), 9, "markers of a merge conflict"),
        (GOOD.replace("    id:", ">>>>>>> c0ffee\n    id:"), 9, "markers of a merge conflict"),
        ("? [a]\n: b\n", 1, "a mapping key must be text"),
    ],
)
def test_a_broken_lock_file_is_refused_with_file_and_line(content: str, line: int, words: str) -> None:
    with pytest.raises(RepositoryFailed) as caught:
        decode(content.encode(), file="artifacts/production/penstock.lock.yaml", organization="production")
    assert caught.value.message.startswith(f"artifacts/production/penstock.lock.yaml:{line}: ")
    assert words in caught.value.message
    assert caught.value.hint


def test_bytes_that_are_not_utf8_are_refused_with_their_line() -> None:
    with pytest.raises(RepositoryFailed, match=r"^lock:2: .*UTF-8"):
        decode(b"kind: Lock\nname: \xff\n", file="lock", organization="o")


def test_a_name_that_utf8_cannot_hold_is_refused_when_writing() -> None:
    flow = replace(recorded(), manifest="\ud800")
    with pytest.raises(RepositoryFailed, match="UTF-8"):
        encode(RecordedState("o", {flow.key: flow}))
