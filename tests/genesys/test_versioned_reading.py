"""Reading on the versioned dialect: the kept listing, what is live, versions, definitions, references."""

from __future__ import annotations

import pytest

from controller.domain.errors.change import AmbiguousFlow, AmbiguousVersion, LiveUndetermined, NoSuchVersion
from controller.domain.errors.organization import AnswerLost, BadAnswer
from controller.domain.identity import FlowKey
from controller.domain.platform import (
    PublishRequest,
)
from controller.domain.references import FlowReference, Resolution
from tests.genesys.routed import LIST, VERSIONS, connected, entity, listed, versions
from tests.genesys.scripted import Reply, refusal, reply
from tests.support.clock import SteppedClock


async def test_a_listing_that_tells_nothing_of_its_size_ends_with_the_first_short_page(clock: SteppedClock) -> None:
    pages = [listed(*map(entity, range(1000))), listed(*map(entity, range(1000, 2000))), listed()]
    platform, answers = connected(clock, {LIST: pages})
    listing = await platform.flows.listing()
    assert (len(listing.flows), listing.complete) == (2000, True)
    queries = [dict(request.url.params) for request in answers.requests(LIST)]
    assert queries == [{"expand": "definition", "pageSize": "1000", "pageNumber": str(n)} for n in (1, 2, 3)]


async def test_a_listing_that_never_ends_is_given_up(clock: SteppedClock) -> None:
    platform, answers = connected(clock, {LIST: [listed(*map(entity, range(1000)))]})
    with pytest.raises(BadAnswer, match="would never end"):
        await platform.flows.listing()
    assert len(answers.calls) == 2


async def test_a_flow_that_came_twice_makes_the_listing_incomplete_unless_a_second_reading_is_whole(
    clock: SteppedClock,
) -> None:
    page, sliding, whole = listed(*map(entity, range(1000))), listed(entity(999), entity(1000)), listed(entity(1000))
    platform, _ = connected(clock, {LIST: [page, sliding, page, whole]})
    listing = await platform.flows.listing()
    assert (len(listing.flows), listing.complete) == (1001, True)
    platform, _ = connected(clock, {LIST: [page, sliding, page, sliding]})
    assert not (await platform.flows.listing()).complete


async def test_the_listing_is_kept_for_five_minutes(clock: SteppedClock) -> None:
    platform, answers = connected(clock, {LIST: [listed(entity(1))]})
    await platform.flows.listing()
    clock.advance(299)
    await platform.flows.listing()
    assert len(answers.calls) == 1
    clock.advance(1)
    await platform.flows.listing()
    assert len(answers.calls) == 2
    await platform.flows.listing(fresh=True)
    assert len(answers.calls) == 3


@pytest.mark.parametrize("fails", [False, True])
async def test_any_write_drops_the_kept_listing(clock: SteppedClock, fails: bool) -> None:
    answer = refusal(500, "x", "x") if fails else reply(202, {"publishId": "p1"})
    routes = {LIST: [listed(entity(1))], VERSIONS: [versions(v1="draft")]}
    platform, answers = connected(clock, routes | {"POST /api/v2/flows/f1/versions/v1/publish": [answer]})
    await platform.flows.listing()
    if fails:
        with pytest.raises(AnswerLost):
            await platform.publishing.publish(PublishRequest("f1", "1.0"))
    else:
        await platform.publishing.publish(PublishRequest("f1", "1.0"))
    await platform.flows.listing()
    assert answers.calls.count(LIST) == 2


async def test_statuses_tell_what_is_live(clock: SteppedClock) -> None:
    flows = [entity(n, f"{n}.0", status) for n, status in enumerate(("draft", "published", "deployed", "archived"))]
    platform, _ = connected(clock, {LIST: [listed(*flows, entity(9, metadata={}))]})
    live = {flow.id: (flow.status, flow.published_version) for flow in (await platform.flows.listing()).flows}
    assert live == {
        "f0": ("draft", None),
        "f1": ("published", "1.0"),
        "f2": ("deployed", "2.0"),
        "f3": ("archived", None),
        "f9": ("draft", None),
    }


async def test_a_flow_is_read_anew_from_its_versions(clock: SteppedClock) -> None:
    """The listing is read anew only where it does not show the same version live."""
    routes = {
        LIST: [listed(entity(1)), listed(entity(1, "2.0"))],
        VERSIONS: [versions(v1="deployed"), versions(v1="deployed"), versions(v1="published", v2="deployed")],
    }
    platform, answers = connected(clock, routes)
    found = [await platform.flows.get("f1") for _ in range(3)]
    assert [flow and flow.published_version for flow in found] == ["1.0", "1.0", "2.0"]
    assert answers.calls.count(LIST) == 2


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (entity(1, "1.0"), versions(v1="published", v2="deployed")),
        (entity(1, "1.0"), versions(v1="draft", v2="published")),
        (entity(1, "1.0"), versions(v1="draft")),
        (entity(1, "1.0", "draft"), versions(v1="deployed")),
        (entity(1), refusal(404, "not.found", "no such flow")),
        (entity(7), versions(v1="deployed")),
    ],
    ids=["another", "one page of it", "none", "a draft", "no versions", "not listed"],
)
async def test_what_is_live_is_undetermined_while_the_versions_and_the_listing_differ(
    clock: SteppedClock, shown: dict[str, object], told: Reply
) -> None:
    """Both are read twice, and neither is believed."""
    platform, answers = connected(clock, {LIST: [listed(shown)], VERSIONS: [told]})
    with pytest.raises(LiveUndetermined, match="cannot be determined"):
        await platform.flows.get("f1")
    assert (answers.calls.count(LIST), answers.calls.count(VERSIONS)) == (2, 2)


async def test_a_listing_that_tells_the_id_of_the_live_version_agrees_with_the_number(clock: SteppedClock) -> None:
    platform, _ = connected(
        clock, {LIST: [listed(entity(1, "v2"))], VERSIONS: [versions(v1="published", v2="deployed")]}
    )
    found = await platform.flows.get("f1")
    assert found
    assert found.published_version == "2.0"


async def test_where_versions_do_not_tell_what_is_live_the_listing_is_read_anew(clock: SteppedClock) -> None:
    routes = {LIST: [listed(entity(1)), listed(entity(1, "2.0"))], VERSIONS: [versions(v1="published", v2="published")]}
    platform, _ = connected(clock, routes)
    found = await platform.flows.get("f1")
    assert found
    assert found.published_version == "2.0"


async def test_an_unknown_flow_is_none(clock: SteppedClock) -> None:
    platform, _ = connected(clock, {LIST: [listed(entity(1))]})
    assert await platform.flows.get("f2") is None


async def test_a_flow_is_found_by_type_and_name(clock: SteppedClock) -> None:
    flows = [entity(1), entity(2, name="Twin"), entity(3, name="Twin"), entity(4, name="Twin", type="bot")]
    platform, _ = connected(clock, {LIST: [listed(*flows)]})
    found = await platform.flows.find(FlowKey("inboundcall", "Flow 1"))
    assert found
    assert found.id == "f1"
    assert await platform.flows.find(FlowKey("inboundcall", "flow 1")) is None
    with pytest.raises(AmbiguousFlow, match="f2, f3"):
        await platform.flows.find(FlowKey("inboundcall", "Twin"))


async def test_versions_come_newest_first(clock: SteppedClock) -> None:
    platform, _ = connected(clock, {VERSIONS: [versions(v2="deployed", v10="draft", v1="archived")]})
    assert [(info.version, info.status) for info in await platform.versions.of("f1")] == [
        ("10.0", "draft"),
        ("2.0", "deployed"),
        ("1.0", "archived"),
    ]


async def test_an_export_is_the_definition_of_that_version(clock: SteppedClock) -> None:
    definition = {"nodes": {"n1": {"type": "playAudio", "name": "Greet"}}, "transitions": []}
    version = "GET /api/v2/flows/f1/versions/v2"
    routes = {VERSIONS: [versions(v1="published", v2="deployed")], version: [reply(body={"definition": definition})]}
    platform, _ = connected(clock, routes)
    export = await platform.versions.export("f1", "2.0")
    assert (export.yaml, export.definition) == (None, definition)
    with pytest.raises(NoSuchVersion, match=r"no version 9\.0") as caught:
        await platform.versions.export("f1", "9.0")
    assert "2.0 (deployed), 1.0 (published)" in (caught.value.hint or "")


@pytest.mark.parametrize("body", [{"definition": []}, {"definition": None}, {"id": "v1"}, {"nodes": []}])
async def test_an_answer_without_a_definition_is_a_bad_answer(clock: SteppedClock, body: dict[str, object]) -> None:
    version = "GET /api/v2/flows/f1/versions/v1"
    platform, _ = connected(clock, {VERSIONS: [versions(v1="deployed")], version: [reply(body=body)]})
    with pytest.raises(BadAnswer, match=r"definition|nodes"):
        await platform.versions.export("f1", "1.0")


async def test_nodes_at_the_top_level_of_a_version_are_its_definition(clock: SteppedClock) -> None:
    nodes = {"n1": {"type": "playAudio", "name": "Greet"}}
    version = "GET /api/v2/flows/f1/versions/v1"
    body = {"id": "v1", "version": "1.0", "nodes": nodes, "transitions": []}
    platform, _ = connected(clock, {VERSIONS: [versions(v1="deployed")], version: [reply(body=body)]})
    assert (await platform.versions.export("f1", "1.0")).definition == {"nodes": nodes, "transitions": []}


async def test_a_version_is_read_by_its_number_or_by_its_id(clock: SteppedClock) -> None:
    version = "GET /api/v2/flows/f1/versions/v2"
    definition = {"nodes": {}, "transitions": []}
    routes = {VERSIONS: [versions(v1="deployed", v2="draft")], version: [reply(body={"definition": definition})]}
    platform, answers = connected(clock, routes)
    assert (await platform.versions.export("f1", "2.0")).definition == (
        await platform.versions.export("f1", "v2")
    ).definition
    assert answers.calls.count(version) == 2


async def test_what_is_the_number_of_one_version_and_the_id_of_another_names_neither(clock: SteppedClock) -> None:
    rows = [{"id": "2.0", "version": "1.0", "status": "draft"}, {"id": "x", "version": "2.0", "status": "draft"}]
    platform, _ = connected(clock, {VERSIONS: [listed(*rows)]})
    with pytest.raises(AmbiguousVersion, match="could mean 2 versions"):
        await platform.versions.export("f1", "2.0")


async def test_references_are_the_nodes_that_name_a_flow(clock: SteppedClock) -> None:
    nodes = {
        "n1": {"type": "playAudio", "name": "Greet"},
        "n2": {
            "type": "callCommonModule",
            "name": "x",
            "flow": {"id": "f7", "name": "Greeting", "type": "COMMONMODULE"},
        },
        "n3": {"type": "transferToFlow", "name": "y", "flow": {"name": "Other", "type": "inboundcall"}},
        "n4": {"type": "transferToFlow", "name": "z", "flow": {"expression": "Flow.Target"}},
        "n5": {"type": "transferToFlow", "flow": {}},
        "n6": "broken",
    }
    version = "GET /api/v2/flows/f1/versions/v1"
    answers = {VERSIONS: [versions(v1="deployed")], version: [reply(body={"definition": {"nodes": nodes}})]}
    platform, _ = connected(clock, answers)
    assert await platform.versions.references("f1", "1.0") == [
        FlowReference(
            "Greeting",
            ("commonmodule",),
            "callCommonModule",
            "definition.nodes.n2",
            binds_at_publish=True,
            flow_id="f7",
        ),
        FlowReference("Other", ("inboundcall",), "transferToFlow", "definition.nodes.n3"),
        FlowReference("Flow.Target", (), "transferToFlow", "definition.nodes.n4", resolution=Resolution.DYNAMIC),
    ]
