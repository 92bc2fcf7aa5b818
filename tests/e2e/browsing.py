"""A real browser, and what it must not complain about."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
OPTIONS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"  # a container elsewhere began or ended
NO_BROWSER = (
    "no browser: install Chromium or Chrome, "
    "or run `.nox/env_tests/bin/playwright install chromium`"
)


@contextmanager
def launched_browser() -> Iterator[Browser]:
    """A browser without a window; where there is none, the tests skip, or fail if told to."""
    with sync_playwright() as playwright:
        program = find_browser(playwright)
        if program is None and os.environ.get("REQUIRE_BROWSER") == "1":
            pytest.fail(NO_BROWSER)
        if program is None:
            pytest.skip(NO_BROWSER)
        sandbox = ("--no-sandbox",) if os.getuid() == 0 else ()  # root cannot have one
        browser = playwright.chromium.launch(executable_path=program, args=[*OPTIONS, *sandbox])
        yield browser
        browser.close()


def find_browser(playwright: Playwright) -> str | None:
    """The PATH's browser, else Playwright's own."""
    for program in PROGRAMS:
        found = shutil.which(program)
        if found is not None:
            return found
    own = playwright.chromium.executable_path
    return own if Path(own).is_file() else None


@dataclass(frozen=True, slots=True)
class Faults:
    """What a browser complains about."""

    seen: list[str]

    def expect(self, text: str) -> None:
        """Takes out what a test has brought about on purpose; it must be there."""
        expected = [fault for fault in self.seen if text in fault]
        assert expected, f"no {text!r} in {self.seen}"
        for fault in expected:
            self.seen.remove(fault)


def watch(page: Page, base_url: str, faults: Faults) -> None:
    """Notes what the browser complains about; refused content is among the console's errors."""
    allowed = (f"{base_url}/", f"blob:{base_url}/")

    def on_console(said: ConsoleMessage) -> None:
        if said.type == "error" and NETWORK_CHANGED not in said.text:
            faults.seen.append(said.text)

    def on_request(sent: Request) -> None:
        if not sent.url.startswith(allowed):
            faults.seen.append(f"request to {sent.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: faults.seen.append(str(error)))
    page.on("request", on_request)
