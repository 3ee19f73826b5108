"""An answer that is not a success, in the shape of the API's `ErrorBody`.

Statuses, codes and messages are those of the Genesys SDK and of the clients in the field (docs/reference/simulator.md).
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.simulator.flow import OperationProblem


class ApiError(Exception):
    """Raised anywhere below a route; the gateway turns it into the answer."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        entity: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.params = dict(params or {})
        self.headers = dict(headers or {})
        self.entity = entity
        """Id and name of the object that the error is about."""

    def body(self, correlation_id: str) -> dict[str, object]:
        """The `ErrorBody`. `messageWithParams` is the message with its parameters marked."""
        template = self.message
        for name, value in self.params.items():
            template = template.replace(value, "{" + name + "}") if value else template
        body: dict[str, object] = {
            "message": self.message,
            "code": self.code,
            "status": self.status,
            "messageWithParams": template,
            "messageParams": self.params,
            "contextId": correlation_id,
            "details": [],
            "errors": [],
        }
        if self.entity:
            body["entityId"], body["entityName"] = self.entity
        return body


def bad_request(message: str, *, code: str = "bad.request") -> ApiError:
    return ApiError(400, code, message)


def not_found(message: str = "The requested resource was not found.", *, code: str = "not.found") -> ApiError:
    return ApiError(404, code, message)


def conflict(message: str, *, code: str = "general.conflict", entity: tuple[str, str] | None = None) -> ApiError:
    return ApiError(409, code, message, entity=entity)


def outside(division: str) -> str:
    """The message for a caller whose permission to publish does not count in this division."""
    return (
        "Unable to perform the requested action. You are missing the following permission(s) in division "
        f"'{division}': architect:flow:publish"
    )


def too_many_requests(seconds: int, headers: Mapping[str, str]) -> ApiError:
    """The error of a rate limit that allows the next request after so many seconds."""
    message = f"Rate limit exceeded the maximum. Retry the request in [{seconds}] seconds"
    params = {"retryAfter": str(seconds)}
    return ApiError(429, "too.many.requests.retry.after", message, params=params, headers=headers)


def rejected(problem: OperationProblem, entity: tuple[str, str]) -> ApiError:
    """The error that an operation would report at its end, raised at once."""
    return ApiError(400, problem.code, problem.message, entity=entity)
