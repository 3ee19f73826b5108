"""Small Archy files for tests, in the shape that real ones have."""

from __future__ import annotations

from collections.abc import Sequence


def module(name: str, *, says: str = "Hello", calls: Sequence[str] = ()) -> str:
    """A common module that plays a text and calls other modules."""
    return "\n".join(
        [
            "commonModule:",
            f"  name: {_quoted(name)}",
            "  startUpTaskActions:",
            *_play(says, "    "),
            *(line for callee in calls for line in _call(callee, "    ")),
            "",
        ]
    )


def bot(name: str, *, says: str = "Hello") -> str:
    """A bot flow; what it says is its description."""
    return f"botFlow:\n  name: {_quoted(name)}\n  description: {_quoted(says)}\n"


def inbound(
    name: str,
    *,
    says: str = "Hello",
    calls: Sequence[str] = (),
    transfers: Sequence[str] = (),
    bots: Sequence[str] = (),
) -> str:
    """An inbound call flow that calls modules and bots, and transfers to other inbound call flows."""
    return "\n".join(
        [
            "inboundCall:",
            f"  name: {_quoted(name)}",
            "  startUpRef: /inboundCall/tasks/task[Main_1]",
            "  tasks:",
            "    - task:",
            "        name: Main",
            "        refId: Main_1",
            "        actions:",
            *_play(says, "          "),
            *(line for callee in calls for line in _call(callee, "          ")),
            *(line for target in transfers for line in _transfer(target, "          ")),
            *(line for callee in bots for line in _call(callee, "          ", "BotFlow")),
            "",
        ]
    )


def workflow(name: str, *, says: str = "Hello") -> str:
    """A workflow, which can be launched without a caller; what it says is its description."""
    return "\n".join(
        [
            "workflow:",
            f"  name: {_quoted(name)}",
            "  startUpRef: /workflow/states/state[Main_1]",
            f"  description: {_quoted(says)}",
            "  states:",
            "    - state: {name: Main, refId: Main_1}",
            "",
        ]
    )


def _play(text: str, indent: str) -> list[str]:
    return [f"{indent}- playAudio:", f"{indent}    name: Say", f"{indent}    audio: {{tts: {_quoted(text)}}}"]


def _call(callee: str, indent: str, kind: str = "CommonModule") -> list[str]:
    return [
        f"{indent}- call{kind}:",
        f"{indent}    name: Call {callee}".rstrip(),
        f"{indent}    {kind[0].lower()}{kind[1:]}:",
        f"{indent}      {_quoted(callee)}:",
        f"{indent}        ver_latestPublished: {{none: true}}",
    ]


def _transfer(target: str, indent: str) -> list[str]:
    return [
        f"{indent}- transferToFlow:",
        f"{indent}    name: Transfer",
        f"{indent}    targetFlow: {{name: {_quoted(target)}}}",
    ]


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
