"""The committed documents say what the code does, and what is published is never taken back."""

from __future__ import annotations

import copy
import json
import re

import jsonschema
import pytest

from inventory_assets.contracts.events.catalogue import RETAIL_TYPES, TYPES
from inventory_assets.contracts.events.compatibility import incompatibilities
from inventory_assets.contracts.events.documents import (
    DOCS,
    PAGE,
    SCHEMAS,
    IncompatibleSchemaError,
    broken,
    documents,
    page,
    published_schemas,
    write,
)
from inventory_assets.contracts.events.problems import PROBLEMS
from inventory_assets.contracts.events.reading import Event
from inventory_assets.contracts.events.schemas import all_schemas, asyncapi, data_schema
from inventory_assets_tests.contracts.events.requests import event_of
from inventory_assets_tests.docs.markdown import blocks

VERSIONS = [(name, version) for name, declared in TYPES.items() for version in declared.versions]


def test_published_schemas_lose_nothing():
    assert broken(published_schemas(DOCS), all_schemas()) == [], "make a new version with an upcaster"


def test_committed_documents_equal_the_declarations():
    generated = documents()
    for name, text in generated.items():
        assert (DOCS / name).read_text("utf-8") == text, f"{name}: run make docs"
    committed = {f"{SCHEMAS}/{path.name}" for path in (DOCS / SCHEMAS).iterdir()}
    assert committed == {name for name in generated if name.startswith(SCHEMAS)}
    text = (DOCS / PAGE).read_text("utf-8")
    assert page(text) == text, "run make docs"


@pytest.mark.parametrize(("name", "version"), VERSIONS)
def test_every_example_fits_its_schema_and_is_taken(name, version):
    declared = TYPES[name]
    schema = data_schema(declared, version)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(declared.examples[version], schema)


def test_every_event_on_the_page_is_taken_as_it_stands():
    shown = [json.loads(block.code) for block in blocks(PAGE) if block.language == "json"]
    assert sorted((each["type"], int(each["schemaversion"])) for each in shown) == sorted(VERSIONS)
    for sent in shown:
        event = event_of(sent, trusted=True)
        assert isinstance(event, Event)
        assert event.payload is not None
        assert event.payload.unknown_members == ()


def test_the_page_has_a_row_for_each_type_and_problem():
    rows = [line for line in (DOCS / PAGE).read_text("utf-8").splitlines() if line.startswith("| `")]
    assert all(line.count("|") in {5, 7} for line in rows)
    named = {re.findall(r"`([^`]+)`", line)[0] for line in rows}
    assert named >= {*TYPES, *PROBLEMS}
    assert len(RETAIL_TYPES) == 15


def test_the_asyncapi_document_is_whole():
    document = asyncapi()
    assert document["asyncapi"] == "3.0.0"
    for pointer in _references(document):
        node = document
        for step in pointer.removeprefix("#/").split("/"):
            node = node[step]
    for name, message in document["components"]["messages"].items():
        bundle = {**message["payload"], "components": document["components"]}
        jsonschema.validate(message["examples"][0]["payload"], bundle)
        assert message["name"] in name
        wrong = {**message["examples"][0]["payload"], "type": "another"}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, bundle)
    sent = document["channels"]["events"]["messages"]
    assert "stock_issued_v1" not in sent
    assert "receipt_line_added_v1" in sent


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        here = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return here + [found for value in node.values() for found in _references(value)]
    return [found for value in node for found in _references(value)] if isinstance(node, list) else []


def changed(name: str, change) -> list[str]:
    old = all_schemas()[name]
    new = copy.deepcopy(old)
    change(new)
    return incompatibilities(old, new)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("Transaction.v2", lambda s: s["properties"].pop("reason"), "data/reason: removed"),
        ("Transaction.v2", lambda s: s["required"].append("order_id"), "data/order_id: required now"),
        ("Transaction.v2", lambda s: s["properties"]["type"]["enum"].remove("Issue"), "Issue is no longer allowed"),
        ("Transaction.v2", lambda s: s["$defs"]["Line"]["required"].append("lot"), "data/lines/*/lot: required now"),
        ("Transaction.v2", lambda s: s["properties"]["lines"].update(maxItems=10), "maxItems 1000 became 10"),
        ("InventoryUpdate.v2", lambda s: s["properties"]["quantity"].update(type="string"), "integer became string"),
        ("InventoryUpdate.v2", lambda s: s["properties"]["quantity"].update(minimum=1), "minimum 0 became 1"),
        ("stock.reserve.v1", lambda s: s["properties"]["partial"].update(const=False), "only False now"),
        ("stock.held.v1", lambda s: s["properties"]["reason"]["anyOf"].pop(), "null no longer fits"),
        ("stock.held.v1", lambda s: s.update(additionalProperties=False), "further members are refused now"),
        ("price.changed.v1", lambda s: s["properties"]["currency"].update(pattern="^USD$"), "became ^USD$"),
    ],
)
def test_a_change_that_breaks_senders_is_found(name, change, said):
    found = changed(name, change)
    assert any(said in each for each in found), found


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s["properties"].update(colour={"type": "string"}),
        lambda s: s["properties"]["type"]["enum"].append("Scrap"),
        lambda s: s["required"].remove("type"),
        lambda s: s["properties"]["lines"].update(maxItems=5000),
        lambda s: s["$defs"]["Line"]["properties"]["quantity"].update(type="number"),
        lambda s: s.update(description="other words"),
    ],
)
def test_a_version_may_grow(change):
    assert changed("Transaction.v2", change) == []


def test_a_breaking_change_is_not_even_written(tmp_path):
    (tmp_path / SCHEMAS).mkdir(parents=True)
    (tmp_path / PAGE).write_text((DOCS / PAGE).read_text("utf-8"), "utf-8")
    write(tmp_path)
    published = tmp_path / SCHEMAS / "stock.held.v1.json"
    schema = json.loads(published.read_text("utf-8"))
    schema["properties"]["shelf"] = {"type": "string"}
    published.write_text(json.dumps(schema), "utf-8")
    with pytest.raises(IncompatibleSchemaError, match=r"stock.held.v1: data/shelf: removed"):
        write(tmp_path)
    published.unlink()
    (tmp_path / SCHEMAS / "stock.gone.v1.json").write_text("{}", "utf-8")
    with pytest.raises(IncompatibleSchemaError, match="the version is gone"):
        write(tmp_path)
