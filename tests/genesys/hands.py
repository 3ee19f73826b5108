"""What a person does in Architect, behind the client's back, and flow files to do it with."""

from __future__ import annotations

from typing import Any

import httpx

from controller.simulator.app import create_app
from controller.simulator.faults import Fault
from controller.simulator.simulator import Simulator

URL = "http://simulator.test"


def ivr(name: str = "Main IVR", *, says: str = "Welcome", module: str | None = None) -> str:
    """An inbound call flow that says something and, where asked, calls a common module."""
    call = (
        f"""
          - callCommonModule:
              name: Call
              commonModule:
                {module}:
                  ver_latestPublished: {{}}"""
        if module
        else ""
    )
    return f"""inboundCall:
  name: {name}
  defaultLanguage: en-us
  startUpRef: /inboundCall/tasks/task[start]
  tasks:
    - task:
        name: Start
        refId: start
        actions:{call}
          - playAudio:
              name: Greet
              audio:
                tts: {says}
          - disconnect:
              name: Hang up
"""


def module(name: str = "Greeting") -> str:
    """A common module."""
    return f"""commonModule:
  name: {name}
  defaultLanguage: en-us
  startUpRef: /commonModule/tasks/task[start]
  tasks:
    - task:
        name: Start
        refId: start
        actions:
          - endTask:
              name: End
"""


def workflow(name: str = "Nightly") -> str:
    """A workflow, which can be launched."""
    return f"""workflow:
  name: {name}
  defaultLanguage: en-us
  startUpRef: /workflow/states/state[start]
  states:
    - state:
        name: Start
        refId: start
        actions:
          - endWorkflow:
              name: End
"""


class Hands:
    """Changes the simulated organisation over its control endpoints, as a person would in Architect."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._http = httpx.AsyncClient(transport=httpx.ASGITransport(app=create_app(simulator)), base_url=URL)

    async def make(self, text: str, *, by: str = "Ada Lovelace") -> str:
        """A new flow, published at 1.0; its id."""
        flow_id = (await self._post("flows", {"text": text, "by": by}))["id"]
        assert isinstance(flow_id, str)
        return flow_id

    async def do(self, deed: str, flow_id: str, *, by: str = "Ada Lovelace", **details: str) -> dict[str, Any]:
        """publish, checkin, lock, draft, unlock, unpublish or delete."""
        return await self._post(f"flows/{flow_id}/{deed}", {"by": by, **details})

    async def executions(self, flow_id: str, **demand: float | str) -> None:
        """`per_minute` from now on, or `count` that have just ended; with `error_rate` and `reason`."""
        await self._post("executions", {"flow": flow_id, **demand})

    async def history(self, flow_id: str, action: str) -> list[str | None]:
        """The versions of every such action that took effect, oldest first."""
        flows = (await self._http.get("/_simulator/flows?deleted=true")).json()["flows"]
        [flow] = [flow for flow in flows if flow["id"] == flow_id]
        return [event["version"] for event in flow["history"] if event["action"] == action]

    def break_down(self, kind: str, **details: Any) -> None:
        """Set one fault."""
        self.simulator.set_faults(Fault.model_validate({"name": kind, "kind": kind, **details}))

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self._http.post(f"/_simulator/{path}", json=body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())
