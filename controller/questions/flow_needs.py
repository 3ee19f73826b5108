"""Checks of a preflight: whether the organisation has what the flow files need, and lets this client publish there."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Sequence

from controller.domain.desired import DesiredFlow, Organization, SourceFile
from controller.domain.errors.branches import PenstockError
from controller.domain.resources import ResourcePolicy
from controller.domain.wording import counted
from controller.genesys.preflight import Check, CheckVerdict
from controller.genesys.publish_rights import PUBLISH, PublishRights, publish_rights
from controller.planning.resources import WAY_OUT, missing_words, place_of, resources_of
from controller.questions.missing_resources import LookedUp, looked_up, missing_of_sources
from controller.reconcile.services import Services

_DIVISIONS = "divisions"
_RESOURCES = "resources"
_SHOWN = 5
_GRANT = f"grant the client's role with {PUBLISH} in these divisions, too"


async def need_checks(services: Services, organization: Organization) -> tuple[Check, ...]:
    """A check of the resources, and one of the divisions; none where no flow file would be published."""
    flows = [flow for flow in organization.flows if isinstance(flow.source, SourceFile) and not flow.suspended]
    if not flows:
        return ()
    found = [await _told(_RESOURCES, _resources(services, organization, flows))]
    found.append(await _told(_DIVISIONS, _divisions(services, organization, flows)))
    return tuple(check for checks in found for check in checks)


async def _told(name: str, asked: Awaitable[Sequence[Check]]) -> Sequence[Check]:
    try:
        return await asked
    except PenstockError as error:
        return [Check(name, CheckVerdict.UNKNOWN, error.message, error.hint)]


async def _resources(services: Services, organization: Organization, flows: Sequence[DesiredFlow]) -> Sequence[Check]:
    if organization.resources is ResourcePolicy.IGNORE:
        return [Check(_RESOURCES, CheckVerdict.UNKNOWN, "spec.resources: ignore looks nothing up")]
    found = await looked_up(services, organization, (each for flow in flows for each in resources_of(flow)))
    return list(_resource_checks(found, organization, flows))


def _resource_checks(found: LookedUp, organization: Organization, flows: Sequence[DesiredFlow]) -> Iterator[Check]:
    missing = missing_of_sources(found, flows)
    needed = len({(each.kind, each.name) for flow in flows for each in resources_of(flow)})
    if missing:
        shown = [f"{flow.id} needs {missing_words(each, place_of(flow, each.reference))}" for flow, each in missing]
        more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
        verdict = CheckVerdict.FAILED if organization.resources is ResourcePolicy.BLOCK else CheckVerdict.WARNING
        message = f"the organisation lacks what flows need: {', '.join(shown[:_SHOWN])}{more}"
        yield Check(_RESOURCES, verdict, message, WAY_OUT)
    elif not found.unknown and needed:
        yield Check(_RESOURCES, CheckVerdict.OK, f"nothing is missing of {counted(needed, 'resource')} that flows name")
    for words in (*found.unknown, *found.notes):
        yield Check(_RESOURCES, CheckVerdict.UNKNOWN, words)


async def _divisions(services: Services, organization: Organization, flows: Sequence[DesiredFlow]) -> Sequence[Check]:
    rights = await publish_rights(services.platform(organization))
    if rights.unknown is not None:
        message = f"where this client may publish cannot be told: {rights.unknown}"
        return [Check(_DIVISIONS, CheckVerdict.UNKNOWN, message)]
    lacking = sorted(_without_grant(rights, flows))
    if lacking:
        message = f"{PUBLISH} is not granted in {', '.join(lacking)}"
        return [Check(_DIVISIONS, CheckVerdict.FAILED, message, _GRANT)]
    return [Check(_DIVISIONS, CheckVerdict.OK, "this client may publish in the divisions that flow files name")]


def _without_grant(rights: PublishRights, flows: Sequence[DesiredFlow]) -> Iterator[str]:
    """`Sales (front, back)`: the divisions without a grant, with the flows that go there."""
    if rights.everywhere:
        return
    going: dict[str | None, list[str]] = {}
    for flow in flows:
        named = [each.name for each in resources_of(flow) if each.kind == "division"]
        going.setdefault(named[0] if named else None, []).append(flow.id)
    for division, ids in going.items():
        if division is None:
            if rights.home is False:
                yield f"the home division ({', '.join(sorted(ids))})"
        elif division not in rights.divisions:
            yield f"{division} ({', '.join(sorted(ids))})"
