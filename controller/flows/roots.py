"""Flow types in Archy's spelling, and the types that an interaction can move on to.

Sources: the top-level keys of public Archy exports; `Flow.type` of the Platform API; the Flow Scripting SDK's
documentation of transfers and of in-queue handling (chat has none).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ARCHY_ROOTS: Mapping[str, str] = MappingProxyType(
    {
        "botFlow": "bot",
        "commonModule": "commonmodule",
        "digitalBot": "digitalbot",
        "emailSend": "emailsend",
        "inboundCall": "inboundcall",
        "inboundChat": "inboundchat",
        "inboundEmail": "inboundemail",
        "inboundShortMessage": "inboundshortmessage",
        "inqueueCall": "inqueuecall",
        "inqueueEmail": "inqueueemail",
        "inqueueShortMessage": "inqueueshortmessage",
        "outboundCall": "outboundcall",
        "secureCall": "securecall",
        "surveyInvite": "surveyinvite",
        "voice": "voice",
        "voiceSurvey": "voicesurvey",
        "voicemail": "voicemail",
        "workflow": "workflow",
        "workitem": "workitem",
    }
)
"""Root keys of Archy files with their types in the Platform API."""

_CALL, _EMAIL, _MESSAGE, _CHAT = "call", "email", "message", "chat"
_CHANNELS: Mapping[str, str] = {
    "emailsend": _EMAIL,
    "inboundcall": _CALL,
    "inboundchat": _CHAT,
    "inboundemail": _EMAIL,
    "inboundshortmessage": _MESSAGE,
    "inqueuecall": _CALL,
    "inqueueemail": _EMAIL,
    "inqueueshortmessage": _MESSAGE,
    "outboundcall": _CALL,
    "securecall": _CALL,
    "voice": _CALL,
    "voicemail": _CALL,
    "voicesurvey": _CALL,
}
_INBOUND = {_CALL: "inboundcall", _EMAIL: "inboundemail", _MESSAGE: "inboundshortmessage", _CHAT: "inboundchat"}
_INQUEUE = {_CALL: "inqueuecall", _EMAIL: "inqueueemail", _MESSAGE: "inqueueshortmessage"}
_POST = {_CALL: ("voicesurvey", "inboundcall"), _MESSAGE: ("inboundshortmessage",)}


def transfer_types(flow_type: str) -> tuple[str, ...]:
    """The types that `transferToFlow` can reach, most likely first: the channel's inbound flows, then its own type."""
    channel = _CHANNELS.get(flow_type)
    if channel is None:
        return tuple(_INBOUND.values()) if flow_type == "commonmodule" else (flow_type,)
    return tuple(dict.fromkeys((_INBOUND[channel], flow_type)))


def inqueue_types(flow_type: str) -> tuple[str, ...]:
    """The types that `overrideInQueueFlow` can name; all of them for a flow without a channel of its own."""
    channel = _CHANNELS.get(flow_type)
    if channel is None:
        return tuple(_INQUEUE.values())
    return (_INQUEUE[channel],) if channel in _INQUEUE else ()


def post_flow_types(flow_type: str) -> tuple[str, ...]:
    """The types that `setPostFlow` can name."""
    channel = _CHANNELS.get(flow_type)
    if channel is None:
        return tuple(dict.fromkeys(kind for kinds in _POST.values() for kind in kinds))
    return _POST.get(channel, ())


def api_type(spelling: str) -> str:
    """The API's type for a root key or any other spelling (`botFlow`, `InboundCall`)."""
    return ARCHY_ROOTS.get(spelling, spelling.lower())
