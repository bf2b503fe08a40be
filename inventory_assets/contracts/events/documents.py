"""The documents of the event contract: schemas, AsyncAPI, and the generated part of docs/events.md.

Run as a module it writes them (`make docs`). A schema that would break its senders is not written: it needs a new
version. A test holds the committed documents against the declarations.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from inventory_assets.contracts.events.catalogue import GROUPS
from inventory_assets.contracts.events.compatibility import incompatibilities
from inventory_assets.contracts.events.kinds import EventType
from inventory_assets.contracts.events.problems import PROBLEMS
from inventory_assets.contracts.events.schemas import all_schemas, asyncapi, example, schema_name

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = "events.md"
SCHEMAS = "events/schemas"
ASYNCAPI = "events/asyncapi.json"
BEGIN, END = "<!-- events: written by make docs -->\n", "<!-- end of events -->\n"


class IncompatibleSchemaError(ValueError):
    """A schema of a published version would refuse data that fitted it."""


def broken(published: Mapping[str, Mapping[str, Any]], present: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What present schemas take away from published ones, each with schema and place."""
    found = []
    for name, schema in published.items():
        if name not in present:
            found.append(f"{name}: the version is gone; senders still use it")
        else:
            found += [f"{name}: {each}" for each in incompatibilities(schema, present[name])]
    return found


def published_schemas(docs: Path) -> dict[str, dict[str, Any]]:
    """Schemas as committed below a docs folder, by name."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((docs / SCHEMAS).glob("*.json"))}


def documents() -> dict[str, str]:
    """Text of every generated file by its path below docs/; the page has only its generated part."""
    files = {f"{SCHEMAS}/{name}.json": _json(schema) for name, schema in all_schemas().items()}
    return {**files, ASYNCAPI: _json(asyncapi())}


def page(text: str) -> str:
    """Text of the page with its generated part as it is now."""
    head, rest = text.split(BEGIN)
    return head + BEGIN + catalogue() + END + rest.split(END)[1]


def catalogue() -> str:
    """Types, examples and problems as Markdown."""
    lines: list[str] = []
    for title, types in GROUPS.items():
        lines += ["", f"## {title}", "", *_table(types)]
    lines += ["", "## Problems", "", "| code | status | what is wrong | what to do |", "|---|---|---|---|"]
    lines += [f"| `{code}` | {each.status} | {each.title} | {each.mend} |" for code, each in PROBLEMS.items()]
    lines += ["", "## An example of each", ""]
    for types in GROUPS.values():
        for declared in types:
            for version in sorted(declared.versions, reverse=True):
                shown = json.dumps(example(declared, version), indent=2, ensure_ascii=False)
                lines += [f"### {_heading(declared, version)}", "", "```json", shown, "```", ""]
    return "\n".join(lines).strip("\n") + "\n"


def write(docs: Path) -> list[Path]:
    """Write every document below a docs folder.

    Returns:
        Paths that were written.

    Raises:
        IncompatibleSchemaError: a published version would take something away; nothing is written.
    """
    taken_away = broken(published_schemas(docs), all_schemas())
    if taken_away:
        raise IncompatibleSchemaError("these changes need a new version with an upcaster: " + "; ".join(taken_away))
    written = []
    for name, text in documents().items():
        path = docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    path = docs / PAGE
    path.write_text(page(path.read_text("utf-8")), encoding="utf-8")
    return [*written, path]


def _table(types: Iterable[EventType]) -> list[str]:
    rows = ["| type | versions | nature | sent by | what it means | effect on stock |", "|---|---|---|---|---|---|"]
    for each in types:
        versions = ", ".join(
            f"[{version}]({SCHEMAS}/{schema_name(each.name, version)}.json)" for version in sorted(each.versions)
        )
        names = ", ".join(f"`{name}`" for name in (each.name, *each.aliases))
        rows.append(f"| {names} | {versions} | {each.nature} | {each.sender} | {each.meaning} | {each.effect} |")
    return rows


def _heading(declared: EventType, version: int) -> str:
    return declared.name if len(declared.versions) == 1 else f"{declared.name}, version {version}"


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    try:
        write(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
    except IncompatibleSchemaError as error:
        sys.exit(str(error))
