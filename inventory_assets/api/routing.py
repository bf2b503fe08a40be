"""Addresses to handlers: templates of path segments, matched on the path as it was sent.

Segments are decoded after they were split, so an id may hold a slash (`%2F`). Invariant: an address that is declared
answers a wrong method with 405 and `Allow`, any other with 404.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response

from inventory_assets.api.problems import RefusedRequestError

Handler = Callable[[Request, dict[str, str]], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Route:
    """A handler and when it is called.

    Attributes:
        method: HTTP method; HEAD is served by GET.
        path: template, variables in braces.
        handler: answers.
    """

    method: str
    path: str
    handler: Handler


class Router:
    """Calls the handler of a request."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        """Sorts the routes.

        Args:
            routes: all routes; of two that match, the one without a variable wins.
        """
        self._plain: dict[str, dict[str, Route]] = {}
        self._templates: dict[str, tuple[tuple[str, ...], dict[str, Route]]] = {}
        for route in routes:
            if "{" in route.path:
                _, methods = self._templates.setdefault(route.path, (tuple(route.path.split("/")), {}))
            else:
                methods = self._plain.setdefault(route.path, {})
            methods[route.method] = route

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        """Serve a request; see ASGI."""
        methods, parts = self._found(scope)
        method = scope["method"]
        route = methods.get("GET" if method == "HEAD" else method)
        if route is None:
            allowed = sorted(methods) + (["HEAD"] if "GET" in methods else [])
            raise RefusedRequestError(
                "method_not_allowed", f"{method[:20]} is not for this address", headers={"Allow": ", ".join(allowed)}
            )
        scope["route_path"] = route.path
        response = await route.handler(Request(scope, receive, send), parts)
        await response(scope, receive, send)

    def _found(self, scope: MutableMapping[str, Any]) -> tuple[dict[str, Route], dict[str, str]]:
        path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
        found = self._plain.get(path)
        if found is not None:
            return found, {}
        sent = path.split("/")
        for segments, methods in self._templates.values():
            if len(segments) == len(sent) and all(
                wanted.startswith("{") or wanted == given for wanted, given in zip(segments, sent, strict=True)
            ):
                pairs = zip(segments, sent, strict=True)
                return methods, {name[1:-1]: _decoded(part) for name, part in pairs if name.startswith("{")}
        raise RefusedRequestError("not_found", f"{scope['path'][:200]} is no address of this service")


def _decoded(part: str) -> str:
    try:
        return unquote(part, errors="strict")
    except UnicodeDecodeError as error:
        raise RefusedRequestError("request_invalid", "the address is not percent-encoded UTF-8") from error
