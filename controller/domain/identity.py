"""The identity of a flow: its type and its name, as in Genesys Cloud.

A flow file names its flow by type and name, never by id, and a name is unique only within a type. Source of the type
names: `Flow.type` in Genesys' Platform API v2.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FlowType(StrEnum):
    """The flow types of the Platform API, spelt as the API spells them."""

    BOT = "bot"
    COMMON_MODULE = "commonmodule"
    DIGITAL_BOT = "digitalbot"
    EMAIL_SEND = "emailsend"
    INBOUND_CALL = "inboundcall"
    INBOUND_CHAT = "inboundchat"
    INBOUND_EMAIL = "inboundemail"
    INBOUND_SHORT_MESSAGE = "inboundshortmessage"
    INQUEUE_CALL = "inqueuecall"
    INQUEUE_EMAIL = "inqueueemail"
    INQUEUE_SHORT_MESSAGE = "inqueueshortmessage"
    OUTBOUND_CALL = "outboundcall"
    SECURE_CALL = "securecall"
    SURVEY_INVITE = "surveyinvite"
    VOICE = "voice"
    VOICEMAIL = "voicemail"
    VOICE_SURVEY = "voicesurvey"
    WORKFLOW = "workflow"
    WORKITEM = "workitem"


UNTYPED = "flow"
"""Placeholder for a type that neither the organisation nor the manifest gives (versioned dialect)."""


@dataclass(frozen=True, slots=True, order=True)
class FlowKey:
    """The identity of a flow in one organisation; used as dict key, sort key, graph node and log field."""

    type: str
    """The API's lower-case type, or `UNTYPED`. A plain string, because an organisation may use newer types."""
    name: str
    """The flow's display name, unchanged: trailing spaces count."""

    def __str__(self) -> str:
        return f"{self.type}/{self.name}"

    @classmethod
    def parse(cls, text: str) -> FlowKey:
        """Parse the result of `str()`. Raises ValueError without a leading `type/`."""
        kind, separator, name = text.partition("/")
        if not separator or not kind or not name:
            raise ValueError(f"{text!r} is not of the form type/name")
        return cls(kind, name)


def version_rank(version: str) -> tuple[int, ...]:
    """The order of version strings: `9.0` before `13.0`. Parts that are not numbers rank lowest."""
    return tuple(int(part) if part.isdecimal() else -1 for part in version.split("."))
