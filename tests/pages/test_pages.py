"""What each page holds and to whom it is shown, as the service answers it."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from controller.domain.recorded import NO_REVISION
from controller.service.pages.board import PHASES
from controller.store.audit_reading import AuditQuery, AuditReading
from tests.pages.addresses import PAGES
from tests.pages.served import ADA, GRACE, UMA, Served
from tests.pages.showroom import BROKEN, BUSY, CALM, HOSTILE, Showroom, flows_of, view_of
from tests.support.world import ORGANIZATION

ACME = f"/organizations/{ORGANIZATION}"
RUNS = {"script", "style", "iframe", "object", "embed", "base", "img"}


class Elements(HTMLParser):
    """The tags of a page, in order, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def hidden(self) -> dict[str, str]:
        """The hidden fields of its forms."""
        return {
            attributes["name"] or "": attributes["value"] or ""
            for tag, attributes in self.tags
            if tag == "input" and attributes.get("type") == "hidden"
        }


@pytest.mark.parametrize("name", PAGES)
async def test_a_page_has_no_script_or_style_inside_and_nothing_from_elsewhere(served: Served, name: str) -> None:
    async with served.client() as client:
        answer = await client.get(PAGES[name])
    assert answer.status_code == (404 if name == "not found" else 200)
    tags = Elements(answer.text).tags
    assert [tag for tag, attributes in tags if tag in RUNS and "src" not in attributes] == []
    assert [one for _, attributes in tags for one in attributes if one == "style" or one.startswith("on")] == []
    loaded = [attributes.get(one) for _, attributes in tags for one in ("src", "href", "action") if one in attributes]
    assert [address for address in loaded if not re.match(r"(/(?!/)|#|\?|$)", address or "")] == []
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


async def test_assets_are_kept_for_ever_at_addresses_of_their_content(served: Served) -> None:
    async with served.client() as client:
        page = await client.get("/")
        [style] = re.findall(r"/assets/style\.[0-9a-f]{12}\.css", page.text)
        answer = await client.get(style)
        changed = await client.get(style.replace(style.split(".")[1], "0" * 12))
    assert "immutable" in answer.headers["cache-control"]
    assert "url(" not in answer.text
    assert "@import" not in answer.text
    assert changed.status_code == 404


async def test_faults_of_repositories_are_shown_to_who_sees_every_organisation(served: Served) -> None:
    served.board.follow("digital").revision = "0123456789abcdef"
    broken = served.board.follow("voice")
    broken.revision, broken.fault = "abcdef0123456789", "front.yaml:3:1: <script>unknown key</script>"
    async with served.client() as client:
        text = (await client.get("/")).text
    async with served.client(UMA) as client:
        hidden = (await client.get("/")).text
    assert "voice" in text
    assert "front.yaml:3:1: &lt;script&gt;" in text
    assert "digital" not in text
    assert "front.yaml" not in hidden


async def test_ten_thousand_flows_are_a_page_of_fifty_in_a_fixed_number_of_queries(served: Served) -> None:
    """What a page costs does not grow with the organisation: neither the statements nor the bytes."""
    costs = []
    statements: list[str] = []

    def note(*seen: object) -> None:
        statements.append(str(seen[2]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        for number, name in ((60, "small"), (10_000, "large")):
            flows = flows_of(name, served.now, number)
            served.store.views.post(view_of(name, served.now, flows={"Healthy": number}), flows)
            statements.clear()
            async with served.client() as client:
                answer = await client.get(f"/organizations/{name}/flows?search=flow&health=Healthy&sort=-health")
            assert answer.text.count('scope="row"') == 50
            costs.append((len(statements), len(answer.content) // 5_000))
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert costs[0] == costs[1]
    assert costs[1][0] < 10
    assert "1 to 50 of 9800 flows" in answer.text


async def test_flows_are_searched_filtered_sorted_and_paged_by_links(served: Served) -> None:
    name = "listed"
    served.store.views.post(view_of(name, served.now, flows={"Healthy": 120}), flows_of(name, served.now, 120))
    address = f"/organizations/{name}/flows"
    async with served.client() as client:
        found = (await client.get(f"{address}?health=Degraded&label=team%3Dteam-1&sync=OutOfSync&change=publish")).text
        assert re.findall(r"<strong><bdi>(flow-\d+)", found) == []
        found = (await client.get(f"{address}?health=Degraded")).text
        assert re.findall(r"<strong><bdi>(flow-\d+)", found) == ["flow-00000", "flow-00050", "flow-00100"]
        first = (await client.get(f"{address}?label=team&sort=-flow")).text
        second = re.findall(r'href="([^"]+)" rel="next"', first)[0].replace("&amp;", "&")
        rows = re.findall(r"<strong><bdi>(flow-\d+)", (await client.get(second)).text)
        assert (rows[0], rows[-1], len(rows)) == ("flow-00069", "flow-00020", 50)
        assert "No flow is like that" in (await client.get(f"{address}?search=nothing%25")).text


async def test_a_word_that_is_no_status_asks_for_nothing(served: Served) -> None:
    async with served.client() as client:
        answer = await client.get(f"{ACME}/flows?health=Great&sort=colour&offset=-3&sync=%00")
    assert answer.status_code == 200
    assert "1 to 11 of 11 flows" in answer.text


async def test_one_flow_shows_its_states_its_problem_its_past_and_its_gates(served: Served) -> None:
    async with served.client() as client:
        billing = (await client.get(f"{ACME}/flows/billing")).text
        main = (await client.get(f"{ACME}/flows/main-ivr?diff=1")).text
    assert "the flow has validation errors" in billing
    assert "approved by <bdi>grace@example.com" in billing
    assert '<a href="/syncs/2">sync 2</a>' in billing
    assert "10 min 00 s" in main
    assert "at most 2.00% of at least 20 executions" in main
    assert "speech &#34;Hello&#34; -&gt; speech &#34;Good day&#34;" in main


async def test_the_plan_is_the_one_that_commands_show(served: Served) -> None:
    view = served.store.views.organization(ORGANIZATION)
    async with served.client() as client:
        page = (await client.get(f"{ACME}/plan")).text
    assert view.plan_digest in page
    assert "1 to create, 2 to publish (1 blocked)" in page
    assert "blocked: billing" in page


async def test_what_runs_has_its_step_its_time_left_and_its_gate(served: Served) -> None:
    async with served.client() as client:
        page = (await client.get("/running")).text
    assert 'aria-current="step">deliver 3/5' in page
    assert re.search(r"data-left>37 min \d\d s left", page)
    assert re.search(r'value="37\.\d" aria-label="main-ivr: baking" data-since="', page)
    assert "1 of 214 executions failed; 300 are needed" in page
    assert "executions 214" in page
    assert 'Not begun yet <span class="count">2</span>' in page
    assert "lost-property" in page


def test_every_step_of_a_delivery_belongs_to_a_phase_that_the_page_shows(showroom: Showroom) -> None:
    known = {step: place for place, steps in enumerate(PHASES.values()) for step in steps}
    assert {*showroom.steps} <= known.keys()
    first = showroom.steps[: showroom.steps.index("deliver") + 1]
    assert [known[step] for step in first] == sorted(known[step] for step in first)


async def test_one_sync_shows_its_changes_and_their_calls(served: Served) -> None:
    async with served.client() as client:
        page = (await client.get("/syncs/3")).text
    assert "publishing failed" in page
    assert "<code>upload</code>" in page


async def test_drift_names_who_published(served: Served) -> None:
    async with served.client() as client:
        page = (await client.get(f"{ACME}/drift")).text
    assert "<bdi>Ada</bdi>" in page
    assert "2.0 → 3.0" in page


async def test_the_audit_log_is_filtered_and_paged(served: Served) -> None:
    async with served.client() as client:
        page = (await client.get(f"{ACME}/audit?action=upload")).text
        assert set(re.findall(r"<td><strong>([^<]+)", page)) == {"upload"}
        first = (await client.get("/audit")).text
        older = re.findall(r'href="(/audit\?[^"]+)" rel="next"', first)[0].replace("&amp;", "&")
        second = (await client.get(older)).text
    assert first.count("<tr>") == 51
    assert re.findall(r"datetime=[^>]+", second)[0] <= re.findall(r"datetime=[^>]+", first)[-1]


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
async def test_the_graph_links_flows_and_shows_their_health_in_words(served: Served) -> None:
    async with served.client() as client:
        page = (await client.get(f"{ACME}/graph")).text
        part = (await client.get(f"{ACME}/graph?flow=Sales")).text
    picture = page[page.index("<svg width") : page.index("</svg>", page.index("<svg width"))]
    assert f'href="{ACME}/flows/survey"' in picture
    assert "workflow Missing" in picture
    assert "Mortgages" in page
    assert "Mortgages" not in part
    assert "Branded Greeting" in part


async def test_without_graphviz_the_graph_is_a_list_and_the_page_says_so(
    served: Served, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    async with served.client() as client:
        page = (await client.get(f"{ACME}/graph?flow=hours&depth=2")).text
    assert "SVG needs Graphviz" in page
    assert page.count("Opening Hours") == 2


# Who sees what.


async def test_nobody_sees_a_page_without_being_known(served: Served) -> None:
    async with served.client(person=None) as client:
        for address in PAGES.values():
            answer = await client.get(address)
            assert answer.status_code == 401, address
            assert ORGANIZATION not in answer.text
            assert "stylesheet" in answer.text


async def test_a_person_sees_only_the_organisations_that_they_may(served: Served) -> None:
    async with served.client(UMA) as client:
        board = (await client.get("/")).text
        assert BROKEN in board
        assert not {name for name in (ORGANIZATION, BUSY, CALM) if f"/organizations/{name}" in board}
        assert (await client.get(ACME)).status_code == 403
        assert (await client.get("/syncs/2")).status_code == 404
        assert "/syncs/2" not in (await client.get("/syncs")).text
        for query in ("", f"?organization={ORGANIZATION}"):
            assert "inboundcall/" not in (await client.get(f"/audit{query}")).text
        assert BUSY not in (await client.get("/running")).text


async def test_what_is_not_there_is_a_page(served: Served) -> None:
    async with served.client() as client:
        for address in ("/organizations/nobody", f"{ACME}/flows/none", "/syncs/99999", f"{ACME}/actions/dance", "/x/y"):
            answer = await client.get(address)
            assert answer.status_code == 404, address
            assert "All organisations" in answer.text
        assert (await client.post(ACME)).status_code == 405


async def test_a_store_that_fails_is_a_page_and_says_why(served: Served) -> None:
    with served.store.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE organization_views RENAME TO away")
    try:
        async with served.client() as client:
            answer = await client.get("/")
    finally:
        with served.store.database.write() as connection:
            connection.exec_driver_sql("ALTER TABLE away RENAME TO organization_views")
    assert answer.status_code == 503
    assert "store-failed" in answer.text


async def test_a_hostile_name_adds_no_element_and_no_attribute(served: Served) -> None:
    pages = []
    for name, text in (("tame", "x"), ("wild", HOSTILE)):
        view = view_of(name, served.now, message=text, trigger=text, warnings=(text,), held_back=(_refusal(text),))
        [flow] = flows_of(name, served.now, 1)
        flow = replace(flow, name=text, labels={"k": text}, message=text, locked_by=text, version=text, type=text)
        served.store.views.post(view, [flow])
        async with served.client() as client:
            below = [f"/organizations/{name}{rest}" for rest in ("", "/flows", "/flows/flow-00000")]
            found = [(await client.get(address)).text for address in below]
        pages.append([[(tag, sorted(attributes)) for tag, attributes in Elements(text).tags] for text in found])
    assert pages[0] == pages[1]


def _refusal(text: str) -> dict[str, str]:
    return {"flow": text, "code": text, "message": text, "hint": text}


async def test_a_folder_without_git_has_no_commit(served: Served) -> None:
    view = served.store.views.organization(CALM)
    served.store.views.note(replace(view, revision=NO_REVISION))
    async with served.client() as client:
        assert "<span>commit –</span>" in (await client.get(f"/organizations/{CALM}")).text


# Actions.


async def test_an_approval_by_form_is_of_the_plan_that_was_seen_and_audited(served: Served) -> None:
    digest = served.store.views.organization(ORGANIZATION).plan_digest
    address = f"{ACME}/actions/approve?digest={digest}"
    async with served.client() as client:
        page = (await client.get(address)).text
        assert digest in page
        assert "1 create, 2 publish" in page
        answer = await client.post(address, data={**Elements(page).hidden(), "reason": "Read with Ada"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{ACME}?done=approve")
        assert "The plan is approved." in (await client.get(answer.headers["location"])).text
    assert served.store.approvals.of(ORGANIZATION, digest).by == GRACE
    assert served.nudged == [(ORGANIZATION, f"approve by {GRACE}")]
    [entry] = entries(served, "request")[:1]
    assert (entry.actor, entry.details["verb"], entry.details["reason"]) == (GRACE, "approve", "Read with Ada")
    async with served.client() as client:
        log = (await client.get(f"{ACME}/audit?action=request")).text
    assert "<strong>approve</strong>" in log
    assert '<td class="wide">Read with Ada' in log


@pytest.mark.parametrize(
    ("change", "code"),
    [({"digest": "sha256:" + "0" * 64}, "plan-stale"), ({"reason": "  "}, "not-confirmed")],
    ids=["another plan", "no reason"],
)
async def test_an_approval_is_refused_with_the_form_and_what_was_written(
    served: Served, change: dict[str, str], code: str
) -> None:
    digest = served.store.views.organization(ORGANIZATION).plan_digest
    address = f"{ACME}/actions/approve?digest={digest}"
    async with served.client() as client:
        fields = {**Elements((await client.get(address)).text).hidden(), "reason": "Because", **change}
        answer = await client.post(address, data=fields)
    assert answer.status_code == 409
    assert code in answer.text
    assert "Because" in answer.text or "reason" in change
    assert served.store.approvals.of(ORGANIZATION, "sha256:" + "0" * 64) is None
    assert "reason" in change or entries(served, "request")[0].status == "refused"


@pytest.mark.parametrize("token", [None, "0" * 64], ids=["none", "wrong"])
async def test_a_form_without_the_pages_token_changes_nothing(served: Served, token: str | None) -> None:
    fields = {"reason": "x", "key": "k"} | ({} if token is None else {"csrf_token": token})
    async with served.client() as client:
        answer = await client.post(f"/organizations/{CALM}/actions/suspend", data=fields)
        assert answer.status_code == 403
        foreign = await client.post(
            f"/organizations/{CALM}/actions/suspend", data=fields, headers={"origin": "https://evil.example"}
        )
        assert foreign.status_code == 403
    assert served.store.suspensions.of(CALM) is None


async def test_somebody_who_only_reads_gets_no_form_and_can_send_none(served: Served) -> None:
    async with served.client() as client:
        fields = Elements((await client.get(f"/organizations/{CALM}/actions/suspend")).text).hidden()
    async with served.client(ADA) as client:
        assert "/actions/" not in (await client.get(f"/organizations/{CALM}")).text
        assert (await client.get(f"/organizations/{CALM}/actions/suspend")).status_code == 403
        answer = await client.post(f"/organizations/{CALM}/actions/suspend", data={**fields, "reason": "x"})
    assert answer.status_code == 403
    assert served.store.suspensions.of(CALM) is None


async def test_a_form_that_is_sent_twice_is_one_action(served: Served) -> None:
    address = f"{ACME}/actions/rollback?flow=sales"
    async with served.client() as client:
        fields = {
            **Elements((await client.get(address)).text).hidden(),
            "reason": "Callers hear silence",
            "version": "1.0",
        }
        for _ in range(2):
            assert (await client.post(address, data=fields)).status_code == 303
        page = (await client.get(ACME)).text
    asked = [action for action in served.store.actions.recent(ORGANIZATION) if action.flow == "sales"]
    assert [(action.verb, action.version, action.by) for action in asked] == [("rollback", "1.0", GRACE)]
    assert "Callers hear silence" in page


async def test_an_organisation_is_suspended_and_resumed(served: Served) -> None:
    for verb, reason in (("suspend", "The trunk is being moved"), ("resume", "It is moved")):
        address = f"/organizations/{CALM}/actions/{verb}"
        async with served.client() as client:
            fields = Elements((await client.get(address)).text).hidden()
            assert (await client.post(address, data={**fields, "reason": reason})).status_code == 303
            page = (await client.get(f"/organizations/{CALM}")).text
        held = served.store.suspensions.of(CALM)
        assert (held is None) == (verb == "resume")
        assert ("The trunk is being moved. No new delivery begins." in page) == (verb == "suspend")


def entries(served: Served, action: str) -> list:
    """The audit log, newest first."""
    return list(AuditReading(served.store.database).newest_first(AuditQuery(action=action)))
