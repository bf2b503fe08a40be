"""The words the OpenAPI document is made of: operations, bodies, parameters, objects, and texts that occur everywhere.

What the service has is not here (`openapi`, `openapi_acts`). Invariant: every operation declares the problems any
request can meet.
"""

from __future__ import annotations

from typing import Any

from inventory_assets.api.problems import ALL_PROBLEMS, MEDIA_TYPE

Json = dict[str, Any]

TEXT = {"type": "string"}
CODE = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": r"^[!-~]+$"}
INSTANT = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?[Zz]$"}
DAY = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d\d-\d\d$"}
AT = {"type": "string", "format": "date-time"}
MAYBE_AT = {"anyOf": [AT, {"type": "null"}]}
MAYBE_TEXT = {"type": ["string", "null"]}
COUNT = {"type": ["integer", "null"]}
WHOLE = {"type": "integer", "minimum": 0}
BODY = (413, 415)
"""Problems of whatever has a body."""
NEXT = {"type": ["string", "null"], "description": "Address of the next page."}


def operation(
    name: str, summary: str, description: str, parameters: tuple[str, ...], answers: Json, *problems: int
) -> Json:
    """An operation.

    Args:
        name: its id.
        summary: what it does, in a line.
        description: what else there is to say; may be empty.
        parameters: names of declared parameters.
        answers: what it answers where nothing is wrong, by status.
        problems: statuses of problems besides those of any request.
    """
    made: Json = {
        "operationId": name,
        "summary": summary,
        "parameters": [{"$ref": f"#/components/parameters/{each}"} for each in parameters],
        "responses": answers | problem_answers(400, 403, 408, 421, 422, 503, *problems),
    }
    return made | ({"description": description} if description else {})


def answer(*names: str) -> Json:
    """An answer that is one of some declared schemas."""
    schemas = [{"$ref": f"#/components/schemas/{name}"} for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"description": "Done.", "content": {"application/json": {"schema": schema}}}


def problem_answers(*statuses: int) -> Json:
    """Answers that are problems, by status."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        str(status): {
            "description": "; ".join(sorted({each.title for each in ALL_PROBLEMS.values() if each.status == status})),
            "content": content,
        }
        for status in sorted(set(statuses))
    }


def body_of(name: str, examples: Json | None = None, *, required: bool = True) -> Json:
    """A body of a declared schema."""
    content: Json = {"schema": {"$ref": f"#/components/schemas/{name}"}}
    if examples:
        content["examples"] = examples
    return {"required": required, "content": {"application/json": content}}


def in_path(name: str, description: str, schema: Json | None = None) -> Json:
    """A parameter in the path; a code unless said otherwise."""
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema or CODE}


def in_query(name: str, schema: Json, description: str) -> Json:
    """A parameter of the query."""
    return {"name": name, "in": "query", "description": description, "schema": schema}


def in_header(name: str, schema: Json, description: str) -> Json:
    """A header of the request."""
    return {"name": name, "in": "header", "description": description, "schema": schema}


def object_of(needed: Json, optional: Json | None = None, *, closed: bool = False) -> Json:
    """The schema of an object; `closed` to members nobody declared."""
    made: Json = {"type": "object", "required": list(needed), "properties": needed | (optional or {})}
    return made | ({"additionalProperties": False} if closed else {})


def ref(name: str) -> Json:
    """A declared schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def several(name: str) -> Json:
    """A list of a declared schema."""
    return {"type": "array", "items": ref(name)}


def printable(longest: int) -> Json:
    """The schema of a text people can read."""
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": r"^[ -~]*[!-~][ -~]*$"}
