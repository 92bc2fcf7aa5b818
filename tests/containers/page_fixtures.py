"""The sandbox and the page in it that the page's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from engine import wait_until
from page_sandbox import page_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from page_sandbox import Page, Sandbox


@pytest.fixture(scope="session")
def sandbox(docker: None) -> Iterator[Sandbox]:
    """The sandbox, with a backend in it that is called as in compose."""
    del docker
    with page_sandbox() as sandbox:
        sandbox.run_program("inference", "made_up_backend")
        yield sandbox


@pytest.fixture(scope="session")
def page(sandbox: Sandbox) -> Page:
    """A page that reaches its backend."""
    page = sandbox.run_page("page")
    with page.client() as client:
        wait_until(lambda: client.get("/api/ping").is_success, "the backend is reached")
    return page


@pytest.fixture(scope="session")
def site(page: Page) -> Iterator[httpx.Client]:
    with page.client() as client:
        yield client
