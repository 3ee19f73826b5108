"""The fields that every resource of a kind shows, where it has no value of its own."""

from __future__ import annotations

from collections.abc import Mapping

_ALERT = {"alertingTimeoutSeconds": 30, "serviceLevel": {"percentage": 0.8, "durationMs": 20_000}}
_QUEUE: Mapping[str, object] = {
    "description": "",
    "memberCount": 0,
    "userMemberCount": 0,
    "joinedMemberCount": 0,
    "mediaSettings": dict.fromkeys(("call", "callback", "chat", "email", "message"), _ALERT),
    "acwSettings": {"wrapupPrompt": "OPTIONAL"},
    "skillEvaluationMethod": "ALL",
    "autoAnswerOnly": True,
    "enableManualAssignment": False,
    "enableTranscription": False,
}
_ACTION: Mapping[str, object] = {"version": 1, "secure": False}
_INTEGRATION: Mapping[str, object] = {
    "intendedState": "ENABLED",
    "integrationType": {"id": "custom-rest-actions", "selfUri": "/api/v2/integrations/types/custom-rest-actions"},
    "reportedState": {"code": "ACTIVE", "effective": "Active"},
}
_SCHEDULE: Mapping[str, object] = {
    "version": 1,
    "state": "active",
    "start": "2020-01-01T09:00:00.000000",
    "end": "2020-01-01T17:00:00.000000",
    "rrule": "FREQ=DAILY;INTERVAL=1",
}
_SCHEDULE_GROUP: Mapping[str, object] = {"version": 1, "state": "active", "openSchedules": []}
_EMERGENCY: Mapping[str, object] = {"version": 1, "state": "active", "enabled": False, "emergencyCallFlows": []}
_ACTIVE: Mapping[str, object] = {"state": "active", "version": "1"}
_CONTACTS: Mapping[str, object] = {"version": 1, "columnNames": ["Phone"], "phoneColumns": []}
_KNOWLEDGE: Mapping[str, object] = {"coreLanguage": "en-US", "published": True, "faqCount": 0, "articleCount": 0}
_SURVEY: Mapping[str, object] = {"published": True, "disabled": False, "language": "en-US", "questionGroups": []}
_GROUP: Mapping[str, object] = {
    "state": "active",
    "type": "official",
    "visibility": "public",
    "memberCount": 0,
    "rulesVisible": True,
}
_USER: Mapping[str, object] = {"state": "active", "version": 1, "acdAutoAnswer": False}
_LATEST: Mapping[str, object] = {"status": "Published", "latestProductionReadyVersion": {"version": "1"}}
DEFAULTS: Mapping[str, Mapping[str, object]] = {
    "queue": _QUEUE,
    "integration": _INTEGRATION,
    "data-action": _ACTION,
    "data-table": {"description": ""},
    "schedule": _SCHEDULE,
    "schedule-group": _SCHEDULE_GROUP,
    "emergency-group": _EMERGENCY,
    "skill": _ACTIVE,
    "language-skill": _ACTIVE,
    "flow-milestone": {"description": ""},
    "contact-list": _CONTACTS,
    "knowledge-base": _KNOWLEDGE,
    "survey-form": _SURVEY,
    "group": _GROUP,
    "user": _USER,
    "response-library": {"version": 1},
    "response": {"version": 1, "texts": []},
    "guide": _LATEST,
    "virtual-agent": _LATEST,
    "grammar": {"description": "", "languages": []},
}
"""By kind."""
