"""A saved plan shows what the plan showed, and a hostile one is refused or harmless."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, example, given

from controller.domain.errors.delivery import PlanUnreadable
from controller.domain.status import StepState
from controller.planning.model import Blocked, Change, ChangeKind, Drift, HeldBack, UnderWay, Unplanned
from controller.planning.rendering.document import saved_plan_json
from controller.planning.rendering.document_model import PlanDocument
from controller.planning.rendering.markdown import plan_markdown
from controller.planning.rendering.page import plan_html
from controller.planning.rendering.saved import FROM_A_STRANGER, SavedPlanLimits, cut_digests, saved_document
from controller.planning.rendering.text import plan_text
from controller.planning.rendering.view import FlowDifference, PlanView
from controller.questions.plan_views import saved_plan_views
from tests.planning import plans
from tests.planning.forge_markup import live_markup
from tests.planning.hostile_names import NAMES, view_of
from tests.planning.plans import CASES
from tests.support.documents import follows_its_schema
from tests.support.examples import examples

DIGEST = "sha256:" + "0123456789abcdef" * 4
UNPLANNED = (Unplanned("new", "the branch adds this organisation"),)
LARGE: dict[str, Callable[[], str]] = {
    "bytes": lambda: " " * (FROM_A_STRANGER.length + 1),
    "values": lambda: f"[{'[],' * FROM_A_STRANGER.values}[]]",
    "nesting": lambda: "[" * 5_000_000,
    "nested objects": lambda: '{"a":' * 1_000_000,
    "closed before it began": lambda: "]" * 5_000_000,
    "a number": lambda: f'{{"schema": {"9" * 5_000_000}}}',
    "a text": lambda: f'{{"schema": "{"x" * 5_000_000}"}}',
    "a text without an end": lambda: f'{{"schema": "{"[" * 5_000_000}',
}


def read(content: str, limits: SavedPlanLimits = FROM_A_STRANGER) -> PlanDocument:
    return saved_document(content.encode("utf-8", "surrogatepass"), "plan.json", limits)


def saved(view: PlanView | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(saved_plan_json([view or complete()]))
    return found


def complete() -> PlanView:
    """A view with something in every field."""
    view = plans.refused()
    under_way = UnderWay(
        "front", view.plan.changes[0].key, ChangeKind.CREATE, StepState.PUBLISHING, "0123abc", "1", None
    )
    base = view.plan.view
    assert base is not None
    vanished = plans.updated().plan.actions[-1]
    drift = Drift("front", vanished.key, "version", "1.0", "2.0", "2.0 was published", "published out of band")
    base = replace(base, vanished=(vanished,), settings=("hours",), drift=(drift,), held_back=view.plan.held_back)
    plan = replace(
        view.plan, under_way=(under_way,), view=base, suspended=("front",), warnings=("w",), cycles=(("a",),)
    )
    return PlanView(plan, (FlowDifference("front", "nothing -> front.yaml", (("+", "action"),)),))


def shown(content: str) -> str:
    views, unplanned = saved_plan_views(read(content))
    return plan_markdown(views, unplanned, checked=False)


@pytest.mark.parametrize("name", sorted({*CASES} - {"hostile"}))
def test_a_plan_that_was_saved_shows_what_it_showed(name: str) -> None:
    views = CASES[name]()
    assert len({view.plan.organization for view in views}) == 1 or name == "several"
    renamed = [replace(view, plan=replace(view.plan, organization=f"{n}")) for n, view in enumerate(views)]

    assert shown(saved_plan_json(renamed, UNPLANNED)) == plan_markdown(renamed, UNPLANNED, checked=False)


def test_only_the_mark_and_the_digest_tell_it_from_the_plan() -> None:
    views = [complete()]
    before, after = (set(text.splitlines()) for text in (plan_markdown(views), shown(saved_plan_json(views))))

    assert {line.split()[0] for line in before - after} == {"Plan"}
    assert after - before == {
        "This plan comes from a file that was not checked. It cannot be approved.",
        "Not checked at revision `0123abc4567`.",
    }


def test_the_text_groups_its_changes_as_before() -> None:
    """By the causes and by the flows that callers follow, which a plan's text tells once."""
    views = [plans.updated()]
    [view] = saved_plan_views(read(saved_plan_json(views)))[0]

    assert plan_text([replace(view.plan, digest=views[0].plan.digest)]) == plan_text([views[0].plan])


def test_a_saved_plan_follows_its_schema() -> None:
    document = saved(plans.updated())
    assert [each for each in document["organizations"][0]["changes"] if "cause" in each and "follows" in each]
    follows_its_schema(document)
    follows_its_schema(saved())


def test_a_saved_plan_keeps_as_many_differences_as_a_comment_shows() -> None:
    long = FlowDifference("front", "1.0 -> 2.0", (("~", "x" * 5000),) * 1000)
    view = replace(plans.created(), differences=(long,))
    [flow] = saved(view)["organizations"][0]["differences"]

    assert (len(flow["entries"]), flow["more"], len(flow["entries"][0]["text"])) == (100, 900, 601)
    assert "- and 900 more\n" in shown(saved_plan_json([view]))
    assert shown(saved_plan_json([view])) == plan_markdown([view], checked=False)
    [again] = saved_plan_views(read(saved_plan_json([view])))[0]
    assert "<li>and 900 more</li>" in plan_html([again])
    assert saved_plan_json([again]).count('"more": 900') == 1


@given(NAMES)
@example(plans.HOSTILE)
@examples(30)
def test_no_name_in_a_saved_plan_is_live_markup(name: str) -> None:
    assume(not re.search("[\ud800-\udfff]", name))
    view = view_of(name)
    blocked = Blocked("cycle", name)
    changes = [replace(each, blocked=blocked if each.blocked else None) for each in view.plan.changes]
    plan = replace(
        view.plan,
        digest=DIGEST,
        revision="0123abc",
        changes=tuple(changes),
        held_back=(HeldBack(name, "cycle", name, name),),
    )
    view = replace(view, plan=plan)
    assume(len({each.flow for each in changes}) == len(changes))

    assert live_markup(shown(saved_plan_json([view], [Unplanned(name, name)]))) == []


def test_whatever_has_the_form_of_a_digest_is_cut() -> None:
    """In every text, written in small letters or in capitals: what is left cannot be approved."""
    text = json.dumps(_with_texts(saved(), f"penstock approve {DIGEST} {DIGEST.upper()}{DIGEST[7:]}"))
    markdown = shown(text)

    assert markdown.count("012345&#8203;67…") > 20
    assert not re.search(r"[0-9a-fA-F]{12}", re.sub("&#8203;|\u200b", "", markdown))
    assert not re.search("[0-9a-fA-F]{9}", cut_digests(DIGEST).removeprefix("sha256:01234567"))


def _with_texts(value: Any, text: str, field: str = "") -> Any:
    """The document with this text in every field that takes any text."""
    kept = ("schema", "digest", "revision", "base_revision", "head_revision", "code", "change", "state", "flow", "name")
    if isinstance(value, dict):
        return {key: _with_texts(item, text, key) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_texts(item, text, field) for item in value]
    return text if isinstance(value, str) and field not in (*kept, "flows") else value


@pytest.mark.parametrize("content", [pytest.param(make, id=name) for name, make in LARGE.items()])
def test_what_is_large_or_deep_is_refused_before_it_is_parsed(content: Callable[[], str]) -> None:
    with pytest.raises(PlanUnreadable, match=r"plan\.json is not a plan of the form penstock\.plan/v1: .{8,200}$"):
        read(content())


def test_more_organisations_changes_and_differences_than_are_read_are_refused() -> None:
    document = saved()
    [organization] = document["organizations"]
    change, difference = organization["changes"][0], organization["differences"][0]
    changes = [{**change, "flow": f"{number}"} for number in range(20_001)]
    organizations = [{**organization, "name": f"{number}", "changes": []} for number in range(101)]
    lines = [difference["entries"][0]] * 100_001

    for wrong, what in (
        ({**organization, "changes": changes}, "changes, and at most 20,000"),
        ({**organization, "view": {**organization["view"], "vanished": changes}}, "changes, and at most 20,000"),
        ({**organization, "differences": [{**difference, "entries": lines}]}, "differences, and at most 100,000"),
    ):
        with pytest.raises(PlanUnreadable, match=what):
            read(json.dumps({**document, "organizations": [wrong]}))
    with pytest.raises(PlanUnreadable, match="101 organisations, and at most 100"):
        read(json.dumps({**document, "organizations": organizations}))


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("schema", "penstock.plan/v2", "schema: this is penstock.plan/v2"),
        ("schema", "penstock.status/v1", "schema: this is penstock.status/v1"),
        ("schema", None, "schema: Input should be a valid string"),
        ("digest", "sha256:1f", "digest: sha256:1f has not the form of a digest"),
        ("revision", "penstock approve", "revision: penstock approve has not the form of a revision"),
        ("organizations", {}, "organizations: Input should be a valid array"),
        ("organizations.0", "acme", r"organizations\[0\]: Input should be an object"),
        ("organizations.0.unmanaged", "1", r"organizations\[0\].unmanaged: Input should be a valid integer"),
        ("organizations.0.unmanaged", True, r"organizations\[0\].unmanaged: Input should be a valid integer"),
        ("organizations.0.unmanaged", 1.0, r"organizations\[0\].unmanaged: Input should be a valid integer"),
        ("organizations.0.unmanaged", -1, r"organizations\[0\].unmanaged: it is not between 0 and"),
        ("organizations.0.unmanaged", 10**30, r"organizations\[0\].unmanaged: it is not between 0 and"),
        ("organizations.0.name", 7, r"organizations\[0\].name: Input should be a valid string"),
        ("organizations.0.name", "x" * 65_537, r"organizations\[0\].name: it is longer than 65,536 characters"),
        ("organizations.0.changes", None, r"organizations\[0\].changes: Input should be a valid"),
        ("organizations.0.changes.0.change", "explode", r"organizations.*change: Input should be 'create'"),
        ("organizations.0.changes.0.depends_on", "hours", r"organizations\[0\].changes\[0\].depends_on: Input should"),
        ("organizations.0.held_back.0.code", "`x`", r"organizations\[0\].held_back\[0\].code: `x` has not the form"),
        ("organizations.0.view.head_revision", "<b>", r"organizations\[0\].view.head_revision: <b> has not the form"),
        ("organizations.0.summary", {"\u202ex" * 99: "1"}, r"organizations\[0\].summary.\\u202ex.*…: Input should be"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_with_its_place(place: str, value: object, told: str) -> None:
    document: Any = saved()
    *path, last = [int(part) if part.isdecimal() else part for part in place.split(".")]
    holder = document
    for part in path:
        holder = holder[part]
    holder[last] = value

    with pytest.raises(PlanUnreadable, match=f"plan.json is not a plan of the form penstock.plan/v1: {told}"):
        read(json.dumps(document))


@pytest.mark.parametrize("missing", ["schema", "digest", "revision", "organizations"])
def test_a_missing_field_is_named(missing: str) -> None:
    document = saved()
    del document[missing]

    with pytest.raises(PlanUnreadable, match=f"{missing}: Field required"):
        read(json.dumps(document))


@pytest.mark.parametrize("text", ["\\ud800", "\\udfff\\ud800", "\x00", "\x1b", "\ud800", "\\x41"])
def test_text_that_is_no_text_is_refused(text: str) -> None:
    """Lone surrogates, raw control characters, UTF-8 of a surrogate, escapes that JSON has not."""
    content = json.dumps(saved()).replace("inboundcall", text)

    with pytest.raises(PlanUnreadable, match="Invalid JSON"):
        read(content)


def test_a_name_that_is_there_twice_is_refused() -> None:
    document = saved()
    [organization] = document["organizations"]
    for wrong in (
        {**document, "organizations": [organization, organization]},
        {**document, "organizations": [{**organization, "changes": organization["changes"] * 2}]},
    ):
        with pytest.raises(PlanUnreadable, match="is there twice"):
            read(json.dumps(wrong))


def test_fields_of_later_versions_are_ignored() -> None:
    document = saved()
    document["later"] = document["organizations"][0]["later"] = {"digest": "x"}

    assert read(json.dumps(document)) == read(json.dumps(saved()))


def test_a_plan_as_large_as_may_be_is_read_and_fits_a_comment() -> None:
    key = plans.created().plan.changes[0].key
    changes = tuple(
        Change(f"flow-{n}", key, ChangeKind.PUBLISH, None, "1.0", None, f"reason {n}", 1) for n in range(20_000)
    )
    view = PlanView(replace(plans.created().plan, changes=changes))

    assert len(shown(saved_plan_json([view]))) <= 65_536
