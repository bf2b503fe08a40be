from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from inventory_assets.operate.location import LocationCheck, LocationError, ask, is_loaded


def answer(status: str, content: dict) -> dict:
    entry = {"name": "inventory_assets", "loadStatus": status, "locationOrLoadError": content}
    return {"data": {"workspaceOrError": {"__typename": "Workspace", "locationEntries": [entry]}}}


LOADED = answer("LOADED", {"__typename": "RepositoryLocation"})
LOADING = answer("LOADING", {})
BROKEN = answer(
    "LOADED",
    {"__typename": "PythonError", "message": "ImportError:", "causes": [{"error": {"message": "no module x"}}]},
)


def test_loading_and_silence_are_not_loaded():
    assert is_loaded(LOADED)
    assert not is_loaded(LOADING)
    assert not is_loaded(None)
    assert not is_loaded({"errors": ["not yet"]})


def test_a_location_that_cannot_be_loaded_is_an_error_with_its_cause():
    with pytest.raises(LocationError, match=r"(?s)ImportError: no module x.*definitions validate"):
        is_loaded(BROKEN)


def test_the_check_asks_until_loaded_and_then_no_more():
    answers = [LOADING, LOADED]

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(answers.pop(0)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            """Keep the test's output clean."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    check = LocationCheck(address)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for _ in range(4):
        check()
    server.shutdown()
    server.server_close()
    assert answers == []
    assert ask(address) is None, "a server that is gone does not answer"
