"""The calls of Genesys' provider for Terraform (CX as Code), in its order, with the fields that it cannot do without.

Written from the public source of `terraform-provider-genesyscloud`: `genesyscloud/architect_flow`, `auth_division`,
`routing_queue`, `architect_datatable`, `architect_datatable_row`, `architect_user_prompt`, `flow_outcome`,
`flow_milestone`, `flow_loglevel`, `dependent_consumers` and `provider`. The provider is a program of Go, in which a
field that is read and not there ends the process; here that is ProviderPanicError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from benchmarks.peers.provider_like import create
from benchmarks.peers.published import Session
from controller.domain.clock import Clock
from controller.simulator.settings import PENSTOCK, SimulatedClient

_FLOWS = "/api/v2/flows"
_PROMPTS = "/api/v2/architect/prompts"
_EXPORTS = f"{_FLOWS}/export/jobs"
_POLL_S = 2.0


class ProviderPanicError(AssertionError):
    """A field that the provider reads without a look whether it is there."""


class ProviderError(Exception):
    """What the provider reports for a resource."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of resource that is made, read, changed and removed by one path."""

    path: str
    needed: tuple[str, ...] = ("id", "name")
    """Fields of one of them that the provider reads without a look."""
    read: str = ""
    """The query of reading one."""
    removed: str = ""
    """The query of removing one."""
    listed: tuple[str, ...] = ("pageCount",)
    """Fields of the listing that the provider reads without a look."""
    size: int = 100
    """How many it asks for at once."""


DIVISION = Kind("/api/v2/authorization/divisions", removed="force=false")
QUEUE = Kind("/api/v2/routing/queues", ("id", "name", "memberCount"), listed=("total", "pageCount"), size=500)
TABLE = Kind(f"{_FLOWS}/datatables", ("id", "name", "division.id"), read="expand=schema", removed="force=true")
OUTCOME = Kind(f"{_FLOWS}/outcomes")
MILESTONE = Kind(f"{_FLOWS}/milestones")
PROMPT = Kind(_PROMPTS, read="includeMediaUris=true&includeResources=true", removed="allResources=true")


@dataclass
class Provider:
    """One configured provider, with one token."""

    http: httpx.AsyncClient
    clock: Clock
    client: SimulatedClient = PENSTOCK
    session: Session = field(init=False)

    async def configure(self) -> None:
        """What happens before the first resource."""
        self.session = Session(self.http, self.clock)
        await self.session.login(self.client)
        _need(await self._get("/api/v2/organizations/me"), "defaultCountryCode")
        products = await self._get("/api/v2/authorization/products")
        _need(products, "total")
        for product in products["entities"]:
            _need(product, "id")

    # Flows.

    async def publish(self, text: str, substitutions: Mapping[str, str] | None = None, *, unlock: str = "") -> str:
        """`genesyscloud_flow`, made or changed; gives its id. `unlock` is the flow that is unlocked by force before.

        Raises PublishError with the words of the job.
        """
        if unlock:
            await self._done("POST", f"{_FLOWS}/actions/unlock?flow={unlock}")
        for name, value in (substitutions or {}).items():
            text = text.replace(f"{{{{{name}}}}}", value)
        return await create(self.session, self.clock, text)

    async def flow(self, flow_id: str) -> tuple[str, str] | None:
        """All that a refresh reads of a flow: name and type. None where it is out of the state from now on."""
        answer = await self.session.call("GET", f"{_FLOWS}/{flow_id}?deleted=false")
        if answer.status_code in (404, 410):
            return None
        shown = _ok(answer)
        _need(shown, "name")
        return shown["name"], shown["type"]

    async def find_flow(self, name: str, flow_type: str) -> str:
        """The data source `genesyscloud_flow`. Raises ProviderError."""
        query = f"includeSchemas=true&name={quote(name)}&type={flow_type}"
        for flow in await self._pages(f"{_FLOWS}?{query}", 500, ("pageCount",)):
            if _need(flow, "name") == name:
                return str(flow["id"])
        raise ProviderError(f"no flows found with name '{name}' and type '{flow_type}'")

    async def flows(self) -> list[Any]:
        """What both exporters list."""
        found = await self._pages(f"{_FLOWS}?includeSchemas=true", 500, ("pageCount",))
        for flow in found:
            _need(flow, "id", "name", "type")
        return found

    async def export(self, flow_id: str) -> str:
        """A flow's file, as the exporter that is not the legacy one gets it. Raises ProviderError."""
        flow = await self._get(f"{_FLOWS}/{flow_id}?deleted=false")
        reference = {"id": flow_id, "version": _need(flow, "publishedVersion.id")}
        job = await self._done("POST", _EXPORTS, {"flows": [{"flow": reference}]})
        while True:
            await self.clock.sleep(_POLL_S)
            state = await self._get(f"{_EXPORTS}/{_need(job, 'id')}?expand=messages")
            if state["status"] == "Success":
                return _text(await self.http.get(_need(state, "downloadUrl")))
            if state["status"] != "Started":
                raise ProviderError(f"unexpected job status {state['status']}")

    async def consumed(self, flow_id: str, object_type: str) -> list[tuple[str, str]]:
        """Type and name of what `enable_dependency_resolution` finds behind a flow."""
        flow = await self._get(f"{_FLOWS}/{flow_id}?deleted=false")
        version = _need(flow, "publishedVersion.id")
        path = f"/api/v2/architect/dependencytracking/consumedresources?id={flow_id}&version={version}"
        entries = await self._pages(f"{path}&objectType={object_type}", 100, ())
        return [(entry["type"], entry["name"]) for entry in entries if entry.get("id")]

    async def remove_flow(self, flow_id: str) -> None:
        """Raises ProviderError where the organisation refuses for longer than 30 seconds."""
        answer = await self.session.call("DELETE", f"{_FLOWS}/{flow_id}")
        if answer.status_code == 409:
            await self.clock.sleep(30)
            answer = await self.session.call("DELETE", f"{_FLOWS}/{flow_id}")
        if not answer.is_success and answer.status_code not in (404, 410):
            raise ProviderError(f"error deleting flow {flow_id} | error: {answer.text}")

    # What flows need.

    async def make(self, kind: Kind, body: Mapping[str, Any]) -> str:
        """Made, and read at once; gives its id."""
        made = str(_need(await self._done("POST", kind.path, body), "id"))
        await self.read(kind, made)
        return made

    async def read(self, kind: Kind, resource_id: str) -> Any:
        """What a refresh reads."""
        shown = await self._get(f"{kind.path}/{resource_id}" + (f"?{kind.read}" if kind.read else ""))
        _need(shown, *kind.needed)
        return shown

    async def change(self, kind: Kind, resource_id: str, body: Mapping[str, Any]) -> None:
        await self._done("PUT", f"{kind.path}/{resource_id}", body)
        await self.read(kind, resource_id)

    async def remove(self, kind: Kind, resource_id: str) -> None:
        """Removed, and read until it is gone; anything but 404 is an error."""
        await self._done("DELETE", f"{kind.path}/{resource_id}" + (f"?{kind.removed}" if kind.removed else ""))
        await self._gone(f"{kind.path}/{resource_id}")

    async def find(self, kind: Kind, name: str) -> str:
        """A data source, and what the exporter lists. Raises ProviderError."""
        for entry in await self._pages(f"{kind.path}?name={quote(name)}", kind.size, kind.listed):
            if _need(entry, "name") == name:
                return str(_need(entry, "id"))
        raise ProviderError(f"nothing found with name '{name}'")

    async def home(self) -> str:
        """The data source `genesyscloud_auth_division_home`."""
        home = await self._get(f"{DIVISION.path}/home")
        _need(home, "name")
        return str(_need(home, "id"))

    async def queue_parts(self, queue_id: str) -> tuple[int, int]:
        """How many wrap-up codes and members a refresh of a queue reads, the latter until a page is empty."""
        codes = await self._pages(f"{QUEUE.path}/{queue_id}/wrapupcodes", 100, ("pageCount",))
        members, page = 0, 1
        while found := (await self._get(_page(f"{QUEUE.path}/{queue_id}/members?memberBy=user", page, 100)))[
            "entities"
        ]:
            members, page = members + len(found), page + 1
        return len(codes), members

    async def make_row(self, table_id: str, key: str, properties: Mapping[str, Any]) -> None:
        await self._done("POST", f"{TABLE.path}/{table_id}/rows", {**properties, "key": key})
        await self.row(table_id, key)

    async def row(self, table_id: str, key: str) -> dict[str, Any]:
        """The values of a row without its key."""
        shown = await self._get(f"{TABLE.path}/{table_id}/rows/{quote(key)}?showbrief=false")
        return {name: value for name, value in shown.items() if name != "key"}

    async def remove_row(self, table_id: str, key: str) -> None:
        await self._done("DELETE", f"{TABLE.path}/{table_id}/rows/{quote(key)}")
        await self._gone(f"{TABLE.path}/{table_id}/rows/{quote(key)}?showbrief=false")

    async def make_prompt(self, name: str, language: str, file: bytes) -> str:
        """A user prompt with a sound file: made, given a resource, uploaded, and looked at until it is transcoded."""
        prompt_id = str(_need(await self._done("POST", _PROMPTS, {"name": name}), "id"))
        body = {"language": language, "tags": {"filename": ["welcome.wav"]}}
        asset = await self._done("POST", f"{_PROMPTS}/{prompt_id}/resources", body)
        address = _need(asset, "uploadUri")
        headers = {"Authorization": self.session.token}
        _text(await self.http.post(address, files={"file": ("welcome.wav", file)}, headers=headers))
        shown = await self.read(PROMPT, prompt_id)
        if [each["uploadStatus"] for each in shown["resources"]] != ["transcoded"]:
            raise ProviderError("prompt file not transcoded")
        return prompt_id

    async def set_level(self, flow_id: str, level: str, *, first: bool) -> str:
        """`genesyscloud_flow_loglevel`, made or changed; gives the level that is read after it."""
        path = f"{_FLOWS}/{flow_id}/instances/settings/loglevels"
        body = {"logLevelCharacteristics": {"level": level}}
        _need(await self._done("POST" if first else "PUT", path, body), "id")
        return str(_need(await self._get(path), "logLevelCharacteristics.level"))

    async def remove_level(self, flow_id: str) -> None:
        path = f"{_FLOWS}/{flow_id}/instances/settings/loglevels"
        await self._done("DELETE", path)
        await self._gone(path)

    async def _get(self, path: str) -> Any:
        return _ok(await self.session.call("GET", path))

    async def _done(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        return _ok(await self.session.call(method, path, body))

    async def _gone(self, path: str) -> None:
        answer = await self.session.call("GET", path)
        if answer.status_code != 404:
            raise ProviderError(f"{path} still exists: {answer.status_code}")

    async def _pages(self, path: str, size: int, needed: tuple[str, ...]) -> list[Any]:
        """All pages of a list, as far as its `pageCount` goes."""
        first = await self._get(_page(path, 1, size))
        _need(first, *needed)
        found = list(first["entities"])
        for number in range(2, first.get("pageCount", 1) + 1):
            found += (await self._get(_page(path, number, size)))["entities"]
        return found


def _page(path: str, number: int, size: int) -> str:
    return f"{path}{'&' if '?' in path else '?'}pageSize={size}&pageNumber={number}"


def _need(shown: Any, *fields: str) -> Any:
    """The last of these fields. Raises ProviderPanicError where one is not there."""
    found: Any = None
    for name in fields:
        found = shown
        for step in name.split("."):
            if not isinstance(found, dict) or found.get(step) is None:
                raise ProviderPanicError(f"{name} is not there: {shown}")
            found = found[step]
    return found


def _ok(answer: httpx.Response) -> Any:
    text = _text(answer)
    return answer.json() if text else None


def _text(answer: httpx.Response) -> str:
    if not answer.is_success:
        raise ProviderError(f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}")
    return answer.text
