"""Settings as rows: for `inventory config show` and for docs/configuration.md, which is written from here.

Run as a module it rewrites the page. Invariant: a secret's value never leaves this module.
"""

from __future__ import annotations

import os
import re
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from inventory_assets.settings import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
MASK = "********"
_CREDENTIALS = re.compile(r"(?<=://)[^/@:\s]*:[^/@\s]+@")
INTRODUCTION = """# Configuration

Every setting is an environment variable, read once when a process starts. `inventory config show` prints the values in
force with secrets masked, `inventory doctor` says what is wrong with them. This page is written from the settings
model (`make docs`); a test holds the two together.

"""
AFTERWORD = """
Options of the object store go one by one: `INVENTORY_STORAGE_OPTIONS__AWS_REGION=eu-west-1`. Names are those of
`deltalake`; values are secrets and are never printed.

What is known of each source system (time zone, currency, code patterns, null tokens, assumed stock) is not a setting
but a contract: `inventory_assets/contracts/sources.toml`, overridden key by key by `sources.toml` in the data folder.

The Dagster instance is set up by `dagster.yaml` in `dagster/` of the data folder. `inventory demo` copies the
project's file there; edit the copy. An edited copy stays, one that nobody edited is replaced when a newer version of
the project brings another; `inventory doctor` names copies that differ.

Below the data folder:

| path | what |
|---|---|
| `landing/` | files as producers send them |
| `lakehouse/` | the Delta tables, one folder a layer; `_tags/` says how each day ended |
| `serving/inventory.duckdb` | the published file, replaced as a whole |
| `dagster/` | the Dagster instance (`DAGSTER_HOME`) |
| `database/` | the embedded PostgreSQL of the live layer, from its first start on |
| `logs/` | output of the webserver and the daemon |
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting.

    Attributes:
        variable: environment variable.
        type: type for people.
        default: default for people.
        description: what it does.
        value: value in force, masked where it is secret.
        origin: "environment" or "default".
    """

    variable: str
    type: str
    default: str
    description: str
    value: Any
    origin: str

    @property
    def shown(self) -> str:
        """The value in one line."""
        return "" if self.value is None else str(self.value)

    def plain(self) -> dict[str, Any]:
        """The value as JSON can hold it."""
        value = self.value if isinstance(self.value, int | float | str | dict | None) else str(self.value)
        return {"variable": self.variable, "value": value, "origin": self.origin}


def described(settings: Settings, environment: Mapping[str, str] | None = None) -> list[Setting]:
    """Every setting, nested ones after their parents.

    Args:
        settings: values in force.
        environment: where they came from; the process environment by default.
    """
    prefix = str(Settings.model_config.get("env_prefix", ""))
    names = {name.upper() for name in (os.environ if environment is None else environment)}
    return list(_rows(settings, prefix, names))


def page() -> str:
    """Text of docs/configuration.md; values of this machine do not show."""
    rows = described(Settings.model_construct(), {})
    lines = ["| variable | type | default | meaning |", "|---|---|---|---|"]
    lines += [f"| `{row.variable}` | {row.type} | {row.default} | {row.description} |" for row in rows]
    return INTRODUCTION + "\n".join(lines) + "\n" + AFTERWORD


def _rows(model: BaseModel, prefix: str, names: set[str]) -> Iterator[Setting]:
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        variable = f"{prefix}{name}".upper()
        if isinstance(value, BaseModel):
            yield from _rows(value, f"{variable}__", names)
            continue
        given = variable in names or any(other.startswith(f"{variable}__") for other in names)
        yield Setting(
            variable=f"{variable}__<NAME>" if get_origin(field.annotation) is dict else variable,
            type=_type(field.annotation),
            default=_default(field),
            description=field.description or "",
            value=masked(value),
            origin="environment" if given else "default",
        )


def masked(value: object) -> Any:  # noqa: ANN401 - any setting
    """A value without its secrets: secret types and credentials inside a URI."""
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, Mapping):
        return {name: masked(each) for name, each in value.items()}
    if isinstance(value, str):
        return _CREDENTIALS.sub(f"{MASK}@", value)
    return value


def _type(annotation: object) -> str:
    if get_origin(annotation) in (typing.Union, UnionType):
        return " or ".join(_type(part) for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) is dict:
        return "secret, one variable a name"
    words = {"Path": "path", "str": "text", "int": "whole number", "float": "number", "bool": "true or false",
             "SecretStr": "secret"}  # fmt: skip
    name = getattr(annotation, "__name__", str(annotation))
    return words.get(name, name)


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    return "–" if value in (None, "", {}) else f"`{value}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
