"""The reader of the SDK's declarations finds every way in which an answer can differ from them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.typescript_models import Declarations, Property

TEXT = """declare class FlowsApi {
    constructor(apiClient?: ApiClientClass);
    getFlow(flowId: string, opts?: FlowsApi.getFlowOptions): Promise<Models.Flow>;
    getFlowNames(opts?: { [key: string]: string; }): Promise<Array<string>>;
}

declare namespace Models {
    export interface Empty {
    }

    export interface Flow {
        "name": string;
        "published"?: Models.Version;
        "versions"?: Array<Models.Version>;
        "counts"?: { [key: string]: number; };
        "status"?: "LOCKED" | "UNLOCKED";
        "schema"?: object;
        "active"?: boolean;
    }

    export interface Version {
        "id": string;
        "@type"?: string;
    }
}
""".replace("    ", "\t")
RIGHT = {
    "name": "Main IVR",
    "published": {"id": "1.0", "@type": "PUBLISH"},
    "versions": [{"id": "1.0"}],
    "counts": {"runs": 3, "share": 0.5},
    "status": "LOCKED",
    "schema": {"anything": [1]},
    "active": True,
}


def found(**changes: Any) -> list[str]:
    return list(Declarations(TEXT).mistakes(RIGHT | changes, "Models.Flow"))


def test_an_answer_as_declared_has_no_mistakes() -> None:
    assert found() == []
    assert list(Declarations(TEXT).mistakes({"name": "x"}, "Models.Flow")) == []
    assert list(Declarations(TEXT).mistakes({}, "Models.Empty")) == []


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        ({"name": 1}, "$.name: 1 is no string"),
        ({"name": None}, "$.name: None is no string"),
        ({"active": "yes"}, "$.active: 'yes' is no boolean"),
        ({"active": 1}, "$.active: 1 is no boolean"),
        ({"counts": {"runs": True}}, "$.counts.runs: True is no number"),
        ({"counts": []}, "$.counts: [] is no { [key: string]: number; }"),
        ({"published": "1.0"}, "$.published: '1.0' is no Version"),
        ({"published": {}}, "$.published.id: Version must have it"),
        ({"versions": {}}, "$.versions: {} is no Array<Models.Version>"),
        ({"versions": [{"id": "1.0"}, {"id": 2}]}, "$.versions[1].id: 2 is no string"),
        ({"status": "OPEN"}, '$.status: \'OPEN\' is no "LOCKED" | "UNLOCKED"'),
        ({"schema": "{}"}, "$.schema: '{}' is no object"),
        ({"sort": 1}, "$.sort: Flow has no such property"),
    ],
)
def test_every_difference_is_told_with_its_place(change: dict[str, Any], mistake: str) -> None:
    assert found(**change) == [mistake]


def test_a_required_property_that_is_gone_is_told() -> None:
    assert list(Declarations(TEXT).mistakes({}, "Models.Flow")) == ["$.name: Flow must have it"]


def test_methods_tell_what_they_give() -> None:
    declarations = Declarations(TEXT)
    assert declarations.answer("FlowsApi", "getFlow") == "Models.Flow"
    assert declarations.answer("FlowsApi", "getFlowNames") == "Array<string>"
    assert declarations.interface("Version")["id"] == Property("string", required=True)


def test_what_is_not_declared_or_not_understood_is_an_error_and_no_match() -> None:
    declarations = Declarations(TEXT.replace("boolean", "Date"))
    for ask in (lambda: declarations.answer("FlowsApi", "getNothing"), lambda: declarations.interface("Nothing")):
        with pytest.raises(LookupError):
            ask()
    with pytest.raises(KeyError, match="Date"):
        list(declarations.mistakes(RIGHT, "Models.Flow"))
