"""The OpenAPI description is valid, complete, and its examples are true to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from controller.service.api.examples import EXAMPLES
from tests.support.api import in_memory

Described = dict[str, Any]
_HERE = "urn:penstock:openapi"


@pytest.fixture(scope="module")
def description() -> Described:
    return in_memory().openapi()


def test_it_is_valid_openapi_3_1(description: Described) -> None:
    assert description["openapi"].startswith("3.1")

    validate(description, cls=OpenAPIV31SpecValidator)


def operations(description: Described) -> Iterator[tuple[str, Described]]:
    for path, item in description["paths"].items():
        for method, operation in item.items():
            yield f"{method} {path}", operation


def check(description: Described, schema: Described, instance: object) -> None:
    """Raises ValidationError unless the instance is what the schema describes, references and formats included."""
    resource = Resource.from_contents(description, default_specification=DRAFT202012)
    registry: Registry[Any] = Registry().with_resource(_HERE, resource)
    absolute = _absolute(schema)
    assert validator_for(absolute, default=Draft202012Validator) is Draft202012Validator
    validator = Draft202012Validator(absolute, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)
    validator.validate(instance)


def _absolute(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            key: _HERE + value if key == "$ref" and isinstance(value, str) else _absolute(value)
            for key, value in part.items()
        }
    return [_absolute(each) for each in part] if isinstance(part, list) else part


def test_every_example_is_what_its_schema_describes(description: Described) -> None:
    checked = 0
    for name, operation in operations(description):
        for response in operation["responses"].values():
            for content in response["content"].values():
                if "example" in content:
                    check(description, content["schema"], content["example"])
                    checked += 1
        for parameter in operation.get("parameters", ()):
            for example in parameter["schema"].get("examples", ()):
                check(description, parameter["schema"], example)
                checked += 1
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            examples = description["components"]["schemas"][body["schema"]["$ref"].rpartition("/")[2]]["examples"]
            assert examples, name
            for example in examples:
                check(description, body["schema"], example)
                checked += 1

    assert checked > len(EXAMPLES)


def test_every_answer_has_an_example(description: Described) -> None:
    for name, operation in operations(description):
        good = [response for status, response in operation["responses"].items() if status.startswith("2")]
        assert [content["example"] for each in good for content in each["content"].values()], name


def test_every_operation_and_parameter_is_explained(description: Described) -> None:
    for name, operation in operations(description):
        assert operation["description"].endswith("."), name
        for parameter in operation.get("parameters", ()):
            assert parameter["description"].endswith("."), (name, parameter["name"])


def test_every_operation_says_that_it_may_refuse_a_caller(description: Described) -> None:
    for name, operation in operations(description):
        assert {"401", "403", "422", "429"} <= operation["responses"].keys(), name
    assert description["security"] == [{"token": []}]


def test_operations_have_names_of_their_own(description: Described) -> None:
    names = [operation["operationId"] for _, operation in operations(description)]

    assert sorted(set(names)) == sorted(names)
    assert all(re.fullmatch(r"(get|post)_[a-z_]+", name) for name in names)
