"""The OpenAPI description: whole, bounded, and whatever fits it is answered without a bug."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from builders.analyses import chain
from builders.api_server import PREFIX, Api, counted
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from costdb.pushing import push_document
from costdb.server.app import create_app
from costdb.server.configuration import Configuration

# Of each operation, valid and invalid; slow ones take a tenth of a second each.
EXAMPLES = 5

# What exists, so that not every name is answered with 404.
THERE: dict[str, Any] = {
    "model": "detector",
    "name": "v1",
    "target": "detector",
    "version": "detector@v1",
}
THERE |= {"old": "detector@v1", "new": "detector@v2", "number": 1}


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    return create_app(Configuration("not opened")).openapi()


def operations(description: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {path}", operation


def test_every_route_says_what_it_does_and_answers(description: dict[str, Any]) -> None:
    for name, operation in operations(description):
        assert operation["description"], name
        assert operation["tags"], name
        good = [code for code in operation["responses"] if code.startswith("2")]
        for code in good:
            schema = operation["responses"][code]["content"]["application/json"]["schema"]
            assert schema["$ref"].startswith("#/components/schemas/"), name
        assert good, name
        assert operation["responses"]["422"]["content"]["application/json"]["schema"] == {
            "$ref": "#/components/schemas/Problem"
        }, name


def test_every_reference_leads_somewhere(description: dict[str, Any]) -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                yield from references(item)

    schemas = description["components"]["schemas"]
    missing = {ref for ref in references(description) if ref.rpartition("/")[2] not in schemas}
    assert missing == set()


def test_every_parameter_is_described_and_bounded(description: dict[str, Any]) -> None:
    for name, operation in operations(description):
        for parameter in operation.get("parameters", ()):
            where = f"{name} {parameter['name']}"
            assert parameter.get("description"), where
            for schema in parameter["schema"].get("anyOf", [parameter["schema"]]):
                bounds = {
                    "string": {"maxLength"},
                    "integer": {"minimum", "maximum"},
                    "array": {"maxItems"},
                }.get(schema["type"], set())
                assert bounds <= schema.keys(), where


@pytest.fixture
def filled(api: Api) -> Api:
    for tag, width in {"v1": 8, "v2": 9}.items():
        api.push(tag, width=width)
    api.admin.post(
        "/acceptances", json={"version": "detector", "metrics": ["macs"], "reason": "so it is"}
    )
    return api


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_finds_a_bug(mode: GenerationMode, filled: Api) -> None:
    schema: Any = schemathesis.openapi.from_dict(filled.app.openapi())
    seen = set()
    for found in schema.get_all_operations():
        operation = found.ok()
        for status in statuses(operation, mode, filled):
            assert status < 500
            seen.add((operation.label, status))
    if mode is GenerationMode.POSITIVE:
        # It is no test of how names are refused alone.
        assert {label for label, status in seen if status < 300} >= {
            f"GET {PREFIX}/models",
            f"GET {PREFIX}/versions/{{model}}/{{name}}",
            f"GET {PREFIX}/acceptances",
        }


def statuses(operation: Any, mode: GenerationMode, api: Api) -> list[int]:
    """How requests of an operation are answered."""
    seen: list[int] = []

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.sampled_from([{}, THERE]))
    def ask(case: Case[Any], there: dict[str, Any]) -> None:
        if there:
            for part in (case.path_parameters, case.query, case.body):
                if isinstance(part, dict):
                    part.update({key: there[key] for key in part if key in there})
        request = case.as_transport_kwargs(base_url="http://testserver")
        given_headers = dict(request.get("headers") or {})
        ours = {"authorization", "user-agent"}
        headers = {key: text for key, text in given_headers.items() if key.lower() not in ours}
        kept = ("method", "url", "params", "json")
        parts: dict[str, Any] = {key: request.get(key) for key in kept}
        # What fits no form at all comes as bytes.
        parts["content"] = request.get("data")
        answer = api.admin.request(**parts, headers=headers)
        assert answer.status_code < 500, (operation.label, parts, answer.text)
        assert answer.headers["content-type"] == "application/json"
        seen.append(answer.status_code)

    ask()
    return seen


# Text, numbers and structures that stand where they should not.
ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from([2**62, 2**63, -1, "Conv", "Einsum", "Loop", "float32", "stored"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_no_damaged_push_finds_a_bug(data: st.DataObject, api: Api) -> None:
    document = push_document([counted(chain())], model="detector", tag="v1")
    parent, key = data.draw(st.sampled_from(list(places(document))))
    parent[key] = data.draw(ODD)
    answer = api.admin.post("/versions", content=json.dumps(document))
    assert answer.status_code in {200, 201, 409, 422}, answer.text


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Everything in a JSON value, as what it is in and where."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from places(value[key])
