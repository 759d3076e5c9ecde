"""Schemas that come from elsewhere: declarations by hand, and other programs' tools."""

import pytest

from livewidget.errors import ToolError
from livewidget.tools.schema import check_declaration, fit, inline_references


def test_references_are_put_in_their_place():
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "moveArguments",
        "type": "object",
        "properties": {
            "from": {"$ref": "#/$defs/Point", "description": "Where from."},
            "title": {"title": "Title", "anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "path": {"type": "array", "items": {"$ref": "#/definitions/Step"}},
        },
        "required": ["from"],
        "$defs": {"Point": {"title": "Point", "type": "object", "properties": {"x": {"type": "number"}}}},
        "definitions": {"Step": {"enum": ["left", "right"]}},
    }
    assert inline_references(schema, "move") == {
        "type": "object",
        "properties": {
            "from": {
                "type": "object",
                "properties": {"x": {"type": "number"}},
                "description": "Where from.",
            },
            "title": {"type": "string"},
            "path": {"type": "array", "items": {"enum": ["left", "right"], "type": "string"}},
        },
        "required": ["from"],
    }


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"enum": [1, 2]}, {"type": "integer", "enum": [1, 2]}),
        ({"enum": [1, 2.5]}, {"type": "number", "enum": [1, 2.5]}),
        ({"const": True}, {"type": "boolean", "enum": [True]}),
        (
            {"enum": ["a", 1]},
            {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "integer", "enum": [1]}]},
        ),
        ({"type": ["string", "null"]}, {"type": "string"}),
        ({"oneOf": [{"type": "string"}, {"type": "null"}]}, {"type": "string"}),
        (
            {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
            {"anyOf": [{"type": "string"}, {"type": "integer"}]},
        ),
        (
            {"properties": {"b": {"type": "string"}}},
            {"type": "object", "properties": {"b": {"type": "string"}}},
        ),
    ],
)
def test_a_schema_says_its_type_and_no_null(schema, told):
    whole = {"type": "object", "properties": {"a": schema}}
    assert inline_references(whole, "f")["properties"]["a"] == told


def test_a_type_within_itself_is_told_by_its_type_alone():
    whole = {
        "$ref": "#/$defs/Node",
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
    }
    assert inline_references(whole, "f", lenient=True) == {
        "type": "object",
        "properties": {"next": {"type": "object", "properties": {"next": {"type": "object"}}}},
    }


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ({"properties": {"a": {"$ref": "https://example.org/a"}}}, "outside of it"),
        ({"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"$ref": "#/$defs/A"}}}, "to itself"),
        (
            {
                "properties": {"a": {"$ref": "#/$defs/A"}},
                "$defs": {"A": {"properties": {"b": {"items": {"$ref": "#/$defs/A"}}}}},
            },
            "to itself",
        ),
    ],
)
def test_references_without_an_end(schema, why):
    with pytest.raises(ToolError, match=why):
        inline_references(schema, "move")


GOOD = [
    {"name": "f"},
    {"name": "f", "parameters": {"type": "OBJECT", "properties": {"a": {"type": "STRING", "enum": ["x"]}}}},
    {
        "name": "files.read-all",
        "description": None,
        "parametersJsonSchema": {
            "type": "object",
            "properties": {
                "a": {"type": ["string", "null"]},
                "b": {"type": "array"},
                "c": {"enum": [1, 2]},
                "d": True,
                "e": {"type": "object", "additionalProperties": {"type": "integer"}},
                "f": {"anyOf": [{"type": "string"}, {"type": "array", "items": {}}]},
            },
            "required": ["a"],
        },
    },
]


@pytest.mark.parametrize("declaration", GOOD)
def test_declarations_that_the_service_takes(declaration):
    check_declaration(declaration)


def of(schema, key="parametersJsonSchema"):
    return {"name": "f", key: {"type": "object", "properties": {"a": schema}}}


@pytest.mark.parametrize(
    ("declaration", "why"),
    [
        ({"description": "x"}, "a dict with a name"),
        ({"name": "two words"}, "letters, digits and underscores"),
        ({"name": "x" * 65}, "letters, digits and underscores"),
        ({"name": "f", "description": 3}, "must be text"),
        ({"name": "f", "parameters": {}, "parametersJsonSchema": {}}, "one of them"),
        ({"name": "f", "parameters": {"type": "STRING"}}, 'of the type "object"'),
        ({"name": "f", "parametersJsonSchema": []}, 'of the type "object"'),
        (of({"type": "text"}), "the type of parametersJsonSchema.a is none of"),
        (of({"type": 3}), "the type of parametersJsonSchema.a is none of"),
        (of({"enum": []}), "must be a list of values"),
        (of({"enum": "x"}), "must be a list of values"),
        (of("string"), "parametersJsonSchema.a is not a schema"),
        (of({"type": "object", "required": ["b"]}), "parametersJsonSchema.a requires b"),
        (of({"anyOf": [{"type": "thing"}]}), "parametersJsonSchema.a.anyOf[0]"),
        (of({"type": "ARRAY"}, "parameters"), "give it items"),
        (of({"type": "INTEGER", "enum": [1]}, "parameters"), "text alone; use parametersJsonSchema"),
        (of(True, "parameters"), "is not a schema"),
    ],
)
def test_what_the_service_would_close_for_is_said_before(declaration, why):
    with pytest.raises(ToolError) as caught:
        check_declaration(declaration)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sent", "schema", "fitted"),
    [
        (2.0, {"type": "integer"}, 2),
        ("2.0", {"type": "integer"}, 2),
        (5.0, {"type": "string"}, "5"),
        ("2026-01-02T10:00Z", {"type": "string", "format": "date"}, "2026-01-02"),
        ({"a": None}, {"type": "object", "properties": {"a": {"type": "integer"}}}, {}),
        (
            {},
            {
                "properties": {"a": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
                "required": ["a"],
                "type": "object",
            },
            {"a": None},
        ),
        ("[1]", {"type": "array", "items": {"type": "string"}}, ["1"]),
        ("[1]", {"type": ["string", "array"]}, "[1]"),
        (True, {"type": ["number", "string"]}, "true"),
    ],
)
def test_a_value_is_fitted_to_its_schema(sent, schema, fitted):
    found = fit(sent, schema, "it")
    assert found == fitted
    assert type(found) is type(fitted)
