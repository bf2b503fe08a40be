"""Whether a running webserver could load the code location, asked through its GraphQL endpoint."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

QUERY = """{ workspaceOrError { __typename ... on Workspace { locationEntries { name loadStatus locationOrLoadError {
  __typename ... on PythonError { message causes: errorChain { error { message } } } } } } } }"""
LOADED, ERROR = "LOADED", "PythonError"
UNREACHABLE = "DagsterUserCodeUnreachableError"
"""A code server that died or is still starting; the supervisor sees to it, and Dagster asks again."""


class LocationError(RuntimeError):
    """The definitions cannot be loaded, so that no sensor will ever run."""


class LocationCheck:
    """Asks until the location is loaded, then never again."""

    def __init__(self, address: str) -> None:
        """Keep the address of the webserver, without a path."""
        self._address = address
        self._loaded = False

    def __call__(self) -> None:
        """Look once.

        Raises:
            LocationError: loading failed.
        """
        if not self._loaded:
            self._loaded = is_loaded(ask(self._address))


def ask(address: str, timeout_seconds: float = 5.0) -> dict[str, Any] | None:
    """The webserver's answer, None while it does not answer yet."""
    request = Request(  # noqa: S310 - the address is ours, on the loopback
        f"{address}/graphql",
        data=json.dumps({"query": QUERY}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=timeout_seconds) as response:  # noqa: S310
            return json.load(response)
    except (URLError, TimeoutError, ConnectionError):
        return None


def is_loaded(answer: dict[str, Any] | None) -> bool:
    """Whether every location of the workspace is loaded.

    Raises:
        LocationError: one failed to load.
    """
    entries = (((answer or {}).get("data") or {}).get("workspaceOrError") or {}).get("locationEntries") or []
    for entry in entries:
        content = entry.get("locationOrLoadError") or {}
        if content.get("__typename") == ERROR:
            causes = [cause["error"]["message"] for cause in content.get("causes") or []]
            if any(UNREACHABLE in message for message in (content["message"], *causes)):
                return False
            raise LocationError(
                f"Dagster cannot load {entry['name']}: {' '.join([content['message'], *causes]).strip()}\n"
                "See: dagster definitions validate -w workspace.yaml"
            )
    return bool(entries) and all(entry.get("loadStatus") == LOADED for entry in entries)
