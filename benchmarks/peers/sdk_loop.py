"""Genesys' own Python SDK in a loop: one flow after another, with a look at the job every 2 s.

The SDK's classes make every call and read every answer. Its own extension point for HTTP clients leads them to the
simulated organisation, so that time can be simulated too.
"""

from __future__ import annotations

import asyncio
from types import ModuleType
from typing import Any

import httpx

from benchmarks.peers.published import PeerRun, PublishError
from benchmarks.virtual import VirtualOrganization
from benchmarks.workload import Workload
from controller.simulator.settings import PENSTOCK
from tests.support.genesys_sdk import imported
from tests.support.world import URL

INTERVAL_S = 2.0
"""A longer interval only makes the loop slower."""


def run(organization: VirtualOrganization, workload: Workload) -> PeerRun:
    """Publish all flows. Raises PublishError."""
    sdk = imported()
    with asyncio.Runner() as runner:
        http = _Http(runner, organization.client())
        client = sdk.api_client.ApiClient(URL)
        client.set_http_client(http.as_the_sdk_wants_it(sdk))
        client.get_client_credentials_token(PENSTOCK.id, PENSTOCK.secret)
        architect = sdk.ArchitectApi(client)
        for flow in workload.flows.values():
            _publish(architect, http, organization, flow.text)
        http.close()
    return PeerRun(organization.clock.elapsed_s, organization.calls)


def _publish(architect: Any, http: _Http, organization: VirtualOrganization, text: str) -> None:
    job = architect.post_flows_jobs()
    http.put(job.presigned_url, text, job.headers)
    while (state := architect.get_flows_job(job.id, expand=["messages"])).status != "Success":
        if state.status == "Failure":
            raise PublishError(str(state.messages))
        organization.clock.advance(INTERVAL_S)


class _Http:
    """Calls that block, as those of `urllib3` do, to an application in this process."""

    def __init__(self, runner: asyncio.Runner, client: httpx.AsyncClient) -> None:
        self._runner = runner
        self._client = client

    def put(self, url: str, text: str, headers: dict[str, str]) -> None:
        self._runner.run(self._client.put(url, content=text.encode(), headers=headers)).raise_for_status()

    def call(self, options: Any) -> httpx.Response:
        """Send what the SDK describes."""
        form = options.post_params or None
        return self._runner.run(
            self._client.request(
                options.method,
                options.url,
                params=options.query_params or None,
                headers=options.headers,
                data=form,
                json=options.body if form is None and options.method != "GET" else None,
            )
        )

    def close(self) -> None:
        self._runner.run(self._client.aclose())

    def as_the_sdk_wants_it(self, sdk: ModuleType) -> Any:
        """An instance of the SDK's abstract client."""

        def request(_: object, http_request_options: Any) -> _Answer:
            return _Answer(sdk, self.call(http_request_options))

        return type("Client", (sdk.abstract_http_client.AbstractHttpClient,), {"request": request})()


class _Answer:
    """An answer with the attributes that the SDK reads. Raises its ApiException for a failed call."""

    def __init__(self, sdk: ModuleType, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.reason = answer.reason_phrase
        self.data = answer.text
        self._headers = answer.headers
        if not answer.is_success:
            raise sdk.rest.ApiException(http_resp=self)

    def getheaders(self) -> httpx.Headers:
        return self._headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        value: str | None = self._headers.get(name, default)
        return value
