"""Compares contents of flows in Architect's terms: source with live, two versions, two organisations."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

from controller.domain.desired import DesiredFlow, Organization, SourceFile
from controller.domain.errors.change import ExportFailed, NoSuchVersion
from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.errors.organization import NotFound
from controller.domain.errors.process import SettingsInvalid
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.platform import Export
from controller.domain.waiting import Advance
from controller.flows.export_digest import export_digest
from controller.flows.flow_file import parse
from controller.planning.model import Change, ChangeKind, Plan
from controller.questions.fan_out import each_of, unwatched
from controller.questions.flow_comparison import ContentForm, FlowComparison, FlowContent, compared, source_content
from controller.reconcile.flow_choice import chosen_flow, live_flow
from controller.reconcile.services import Services

_NOT_COMPARED = (ChangeKind.NONE, ChangeKind.ADOPT, ChangeKind.UNPUBLISH, ChangeKind.DELETE)

Comparing = Callable[[], Awaitable[FlowComparison]]


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Two versions of a flow; None is the published one."""

    before: str | None = None
    after: str | None = None


async def differences(
    services: Services, organization: Organization, plan: Plan, advance: Advance = unwatched
) -> list[FlowComparison]:
    """The differences that a plan's changes make: the live content compared with the desired content.

    Flows that are in sync, adopted or removed are left out. Out-of-band publishes are included. Of a plan with a view
    against a base only the changes of the view are compared.
    """
    drifted = {drift.flow for drift in plan.drift if not drift.informative}
    wanted = [
        change
        for change in (plan.changes if plan.view is None else plan.shown)
        if change.kind not in _NOT_COMPARED or (change.kind is ChangeKind.NONE and change.flow in drifted)
    ]
    flows = await services.platform(organization).flows.get_many(
        [change.flow_id for change in wanted if change.flow_id]
    )

    def comparing(change: Change) -> Comparing:
        live = flows.get(change.flow_id or "")
        return lambda: _desired_against_live(services, organization, change.flow, change.desired, live)

    return await _all([(each.flow, each.key, comparing(each)) for each in wanted if each.desired], advance)


async def against_live(
    services: Services, organization: Organization, said: Sequence[str] = (), advance: Advance = unwatched
) -> list[FlowComparison]:
    """The desired content against the live content, for the named flows or for all managed ones."""
    flows = {flow.key: flow for flow in (await services.platform(organization).flows.listing()).flows}
    managed = {flow.key: flow for flow in organization.flows}
    chosen = [chosen_flow(each, organization.flows, flows.values()) for each in said] or list(managed)
    for key in chosen:
        if key not in managed:
            raise SettingsInvalid(
                f"{key}: no manifest of {organization.name} names it, so there is no source to compare with",
                hint="compare two of its versions: --from-version and --to-version",
            )

    def comparing(desired: DesiredFlow) -> Comparing:
        live = flows.get(desired.key)
        return lambda: _desired_against_live(services, organization, desired.id, desired, live)

    return await _all([(managed[key].id, key, comparing(managed[key])) for key in chosen], advance, strict=bool(said))


async def flow_against_live(
    services: Services, organization: Organization, desired: DesiredFlow, flow_id: str | None
) -> FlowComparison:
    """The desired content of one flow against its live content: one read of the flow, and one export.

    Raises ExportFailed, NotFound, and what the organisation's calls raise.
    """
    flows = await services.platform(organization).flows.get_many([flow_id]) if flow_id is not None else {}
    return await _desired_against_live(services, organization, desired.id, desired, flows.get(flow_id or ""))


async def between_versions(
    services: Services, organization: Organization, said: str, versions: VersionRange
) -> FlowComparison:
    """Two versions of one flow of the organisation, managed or not. Raises SettingsInvalid, NotFound, ExportFailed."""
    live = await live_flow(services.platform(organization), organization.flows, said)
    sides = [
        await _existing(services, organization, live, version or _published(live))
        for version in (versions.before, versions.after)
    ]
    flow = next((each.id for each in organization.flows if each.key == live.key), str(live.key))
    return compared(flow, live.key, sides[0], sides[1])


async def between_organizations(
    services: Services, one: Organization, other: Organization, said: Sequence[str] = (), advance: Advance = unwatched
) -> list[FlowComparison]:
    """The live content of two organisations, compared flow by flow by type and name.

    Covers the named flows, or all flows with a manifest in either organisation.
    """
    before = {flow.key: flow for flow in (await services.platform(one).flows.listing()).flows}
    after = {flow.key: flow for flow in (await services.platform(other).flows.listing()).flows}
    managed = {flow.key: flow for flow in (*one.flows, *other.flows)}
    flows_of_both = [*before.values(), *after.values()]
    chosen = [chosen_flow(each, managed.values(), flows_of_both) for each in said] or sorted(managed)

    def comparing(key: FlowKey) -> Comparing:
        return lambda: _live_against_live(services, (one, before.get(key)), (other, after.get(key)), key)

    items = [(managed[key].id if key in managed else str(key), key, comparing(key)) for key in chosen]
    return await _all(items, advance, strict=bool(said))


async def _all(
    items: Iterable[tuple[str, FlowKey, Comparing]], advance: Advance, *, strict: bool = False
) -> list[FlowComparison]:
    """The comparisons in the order of the items. A failed export becomes a note, unless `strict`."""
    waiting = list(items)
    found: dict[int, FlowComparison] = {}

    async def one(place: int) -> None:
        flow, key, comparing = waiting[place]
        try:
            found[place] = await comparing()
        except (ExportFailed, NotFound, NoSuchVersion) as error:
            if strict:
                raise
            found[place] = FlowComparison(flow, key, note=error.message)

    await each_of(range(len(waiting)), one, advance)
    return [found[place] for place in range(len(waiting))]


async def _desired_against_live(
    services: Services, organization: Organization, flow: str, desired: DesiredFlow | None, live: LiveFlow | None
) -> FlowComparison:
    if desired is None:
        raise AssertionError("only flows of manifests are compared with the live state")
    before = await _published_content(services, organization, live)
    after: FlowContent | None
    if isinstance(desired.source, SourceFile):
        after = source_content(organization, desired.source)
    elif before is not None and before.version == desired.source.version:
        after = before
    elif live is None:
        raise NotFound(f"{desired.key}: {organization.name} has no such flow", status=404)
    else:
        after = await version_content(services, organization, live, desired.source.version)
    return compared(flow, desired.key, before, after)


async def _live_against_live(
    services: Services,
    one: tuple[Organization, LiveFlow | None],
    other: tuple[Organization, LiveFlow | None],
    key: FlowKey,
) -> FlowComparison:
    flow = next((each.id for each in (*one[0].flows, *other[0].flows) if each.key == key), str(key))
    before = await _published_content(services, *one)
    after = await _published_content(services, *other)
    return compared(flow, key, before, after)


async def _published_content(
    services: Services, organization: Organization, live: LiveFlow | None
) -> FlowContent | None:
    if live is None or live.published_version is None:
        return None
    return await version_content(services, organization, live, live.published_version)


async def _existing(services: Services, organization: Organization, live: LiveFlow, version: str) -> FlowContent:
    """The version's content. Raises NotFound with the existing versions."""
    try:
        return await version_content(services, organization, live, version)
    except NotFound as error:
        known = [each.version for each in await services.platform(organization).versions.of(live.id)]
        if version in known:
            raise
        shown = ", ".join(known[:10]) or "none"
        message = f"{live.key} has no version {version}"
        raise NotFound(message, status=404, hint=f"its newest versions: {shown}") from error


def _published(live: LiveFlow) -> str:
    if live.published_version is None:
        raise NotFound(f"{live.key}: no version is published", status=404)
    return live.published_version


async def version_content(services: Services, organization: Organization, live: LiveFlow, version: str) -> FlowContent:
    """One version, exported. Raises ExportFailed, NotFound, and what the organisation's calls raise."""
    export = await services.platform(organization).versions.export(live.id, version, definition=False)
    content = _content(organization, live, export)
    services.store.facts.remember_export_digest(organization.name, live.id, version, export_digest(export))
    return content


def _content(organization: Organization, live: LiveFlow, export: Export) -> FlowContent:
    if export.yaml is None:
        definition = export.definition or {}
        return FlowContent(ContentForm.DEFINITION, definition, organization.name, version=export.version)
    try:
        document = parse(export.yaml).document
    except FlowFileInvalid as error:
        raise ExportFailed(
            f"{live.key}: the export of version {export.version} is unreadable: {error.message}"
        ) from error
    return FlowContent(ContentForm.SOURCE, document, organization.name, version=export.version)
