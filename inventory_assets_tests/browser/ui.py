"""A real Dagster UI and a real browser: what the tests and the pictures of the documentation look through.

Playwright and a Chromium are optional; `missing` says what is not here.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from inventory_assets.operate.location import ask, is_loaded

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""No request leaves the machine; a container's root may start it."""
PATIENCE_SECONDS = 180


def browser_path() -> str | None:
    """A Chromium of the system."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def own_browser() -> bool:
    """Whether Playwright has brought a Chromium of its own."""
    folder = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return any(folder.glob("chromium*"))


def missing() -> str:
    """What is not here, empty where a page can be looked at."""
    if find_spec("playwright") is None:
        return "Playwright is not installed (pip install playwright)"
    if browser_path() is None and not own_browser():
        return "there is no Chromium (apt-get install chromium, or playwright install chromium)"
    return ""


@contextmanager
def webserver(home: Path, log: Path) -> Iterator[str]:
    """Dagster's webserver on an instance; yields its address when the definitions are loaded.

    Args:
        home: DAGSTER_HOME, with dagster.yaml.
        log: its output.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port), "-m",
        "inventory_assets.definitions",
    ]  # fmt: skip
    environment = {**os.environ, "DAGSTER_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "1"}
    address = f"http://127.0.0.1:{port}"
    with log.open("w") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output, start_new_session=True)
        try:
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not is_loaded(ask(address)):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.5)
            yield address
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def page(width: int = 1280, height: int = 800) -> Iterator[tuple[Page, list[str]]]:
    """A page of a headless Chromium, and the errors its scripts raise."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path(), args=QUIET)
        opened = browser.new_page(viewport={"width": width, "height": height})
        opened.set_default_timeout(PATIENCE_SECONDS * 1_000)
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        yield opened, errors
        browser.close()
