"""The resources of user prompts, one for each language, and the storage of their audio."""

from __future__ import annotations

import base64
from email.parser import BytesParser
from email.policy import HTTP

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, ServedEndpoint, answer
from controller.simulator.flow import Action, SimulatedOperation
from controller.simulator.problem import ApiError, bad_request, conflict, not_found
from controller.simulator.resources import inventory, listings, parts
from controller.simulator.resources.kinds import KINDS
from controller.simulator.resources.resource import SimulatedResource

_PROMPTS = KINDS["user-prompt"]
_RESOURCES = f"{_PROMPTS.uri}/{{resourceId}}/resources"
_STORAGE = f"{listings.PROMPT_STORAGE}/{{resourceId}}/{{language}}"
_TELEPHONY_BYTES_PER_S = 8_000
"""Mono, 8 bit, 8 kHz: the format to which Genesys transcodes."""
_NOT_WRITTEN = frozenset({"id", "promptId", "language", "uploadUri", "mediaUri", "selfUri", "uploadStatus"})


def _prompt(call: ServedCall) -> SimulatedResource:
    """The prompt, with its resources by language in the state."""
    prompt = inventory.get(call.organization, _PROMPTS, call.path["resourceId"])
    prompt.parts = parts.prompt_languages(call.organization, prompt)
    return prompt


def _stored(call: ServedCall) -> tuple[SimulatedResource, str]:
    """The prompt and the language of the path. Raises 404."""
    prompt, language = _prompt(call), call.path["language"].lower()
    if language not in prompt.parts:
        raise not_found()
    return prompt, language


def _fields(call: ServedCall) -> dict[str, object]:
    return {name: value for name, value in call.json().items() if value is not None and name not in _NOT_WRITTEN}


def _keep(call: ServedCall, prompt: SimulatedResource, language: str, part: dict[str, object]) -> Response:
    prompt.parts[language] = part
    prompt.changed_at = call.now
    inventory.keep(call.organization, prompt)
    call.organization.altered(prompt)
    return answer(listings.prompt_resource(call, prompt, language, part))


def create(call: ServedCall) -> Response:
    """`POST …/resources`, body `{language, ttsString?, text?, tags?}`: 409 when there is one in this language."""
    prompt, language = _prompt(call), (call.string("language") or "").lower()
    if not language:
        raise bad_request("A prompt's resource needs a [language].")
    if language in prompt.parts:
        raise conflict(f"Prompt '{prompt.name}' has a resource for '{language}' already.", entity=prompt.entity)
    return _keep(call, prompt, language, _fields(call))


def read(call: ServedCall) -> Response:
    prompt, language = _stored(call)
    return answer(listings.prompt_resource(call, prompt, language, prompt.parts[language]))


def change(call: ServedCall) -> Response:
    """`PUT …/resources/{languageCode}`: the given fields; audio stays until new audio is sent."""
    prompt, language = _stored(call)
    return _keep(call, prompt, language, prompt.parts[language] | _fields(call))


def delete(call: ServedCall) -> Response:
    prompt, language = _stored(call)
    del prompt.parts[language]
    inventory.keep(call.organization, prompt)
    return Response(status_code=204)


def delete_prompts(call: ServedCall) -> Response:
    """`DELETE /api/v2/architect/prompts?id=`: an operation; unknown ids are 404."""
    call.required("id")
    for prompt in [inventory.get(call.organization, _PROMPTS, one) for one in call.many("id")]:
        inventory.remove(call.organization, prompt)
    operation = SimulatedOperation(
        call.organization.next_id("operation"), Action.DELETE, call.actor, call.now, None, call.now
    )
    return answer(views.operation(operation))


def receive_audio(call: ServedCall) -> Response:
    """`POST` to an `uploadUri`: a form with the file, and the token with or without `Bearer`; then it is transcoded."""
    held = call.request.headers.get("authorization", "")
    token = call.simulator.tokens.get(held.removeprefix("Bearer ").strip())
    if token is None or token.expires_at <= call.now:
        raise ApiError(401, "bad.credentials", "Invalid login credentials.")
    prompt, language = _stored(call)
    audio = _file(call)
    part = {
        **prompt.parts[language],
        "audio": base64.b64encode(audio).decode("ascii"),
        "uploadStatus": "transcoded",
        "durationSeconds": round(len(audio) / _TELEPHONY_BYTES_PER_S, 3),
    }
    return _keep(call, prompt, language, part)


def _file(call: ServedCall) -> bytes:
    """The file in a multipart form. Raises 400."""
    kind = call.request.headers.get("content-type", "")
    head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + call.raw)
    for part in message.iter_parts() if message.is_multipart() else ():
        if part.get_param("name", header="content-disposition") == "file":
            content = part.get_payload(decode=True)
            return content if isinstance(content, bytes) else b""
    raise bad_request("The form must hold a [file].")


def send_audio(call: ServedCall) -> Response:
    """`GET` of a `mediaUri`: what was uploaded. No token is needed."""
    prompt, language = _stored(call)
    audio = prompt.parts[language].get("audio")
    if not isinstance(audio, str):
        raise not_found()
    return Response(base64.b64decode(audio), media_type="audio/wav")


_ONE = f"{_RESOURCES}/{{language}}"
_EDIT = _PROMPTS.permission("edit")
ENDPOINTS = (
    ServedEndpoint("POST", _RESOURCES, create, _EDIT),
    ServedEndpoint("GET", _ONE, read, _PROMPTS.permission("view")),
    ServedEndpoint("PUT", _ONE, change, _EDIT),
    ServedEndpoint("DELETE", _ONE, delete, _EDIT),
    ServedEndpoint("DELETE", _PROMPTS.uri, delete_prompts, _PROMPTS.permission("delete")),
    ServedEndpoint("POST", _STORAGE, receive_audio, open=True),
    ServedEndpoint("GET", _STORAGE, send_audio, open=True),
)
