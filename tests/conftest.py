"""What the suites are run against: any mode by its base URL, else a demo that is started here."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from browsing import Faults, launched_browser, watch
from demo_process import INTERRUPTED, kept_connection, running_demo
from engine import require_docker, run
from project import NO_ENV_FILE, ROOT, TAG
from samples import find_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from demo_process import Demo
    from samples import Sample

SECONDS = 60.0
pytest_plugins = ["drilling", "figures", "hardening_fixtures", "kind_fixtures"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--base-url", help="of a page that runs already, as http://localhost:3000")


@pytest.fixture(scope="session")
def demo(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that has trained on the digits; its end is a test of its own."""
    if pytestconfig.getoption("--base-url"):
        pytest.skip("is for the demo that the tests start themselves, not for --base-url")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # in the background, and handed down
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with running_demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo
        with kept_connection(demo.url):
            demo.interrupt()
            code = demo.finish()
        assert (code, "demo: stopped\n" in demo.lines) == (INTERRUPTED, True), demo.output


@pytest.fixture(scope="session")
def docker() -> None:
    """A Docker engine; where there is none, the tests skip, or fail if told to."""
    require_docker()


@pytest.fixture(scope="session")
def images(docker: None) -> None:  # noqa: ARG001 - which builds them
    """The images, built from what the cache holds and what has changed."""
    files = (f"--file={ROOT}/compose.yaml", NO_ENV_FILE)
    command = ("docker", "compose", *files, "--profile=load", "build", "--quiet")
    run(*command, environment={"TAG": TAG})


@pytest.fixture(scope="session")
def base_url(request: pytest.FixtureRequest) -> str:
    """The page's URL, without a slash at its end."""
    given: str | None = request.config.getoption("--base-url")
    if given:
        return given.rstrip("/")
    demo: Demo = request.getfixturevalue("demo")
    return demo.url


@pytest.fixture(scope="session")
def api(base_url: str) -> Iterator[httpx.Client]:
    """Asks the API as the page does, through its proxy."""
    with httpx.Client(base_url=f"{base_url}/api", timeout=SECONDS, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def manifest(api: httpx.Client) -> dict[str, Any]:
    """Of the version that is served."""
    current = api.get("/models").raise_for_status().json()["current"]
    served: dict[str, Any] = api.get(f"/models/{current}").raise_for_status().json()
    return served


@pytest.fixture(scope="session")
def sample(api: httpx.Client, manifest: dict[str, Any]) -> Sample:
    """The first sample that the model gets right."""
    return find_sample(api, manifest)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with launched_browser() as browser:
        yield browser


@pytest.fixture
def faults() -> Iterator[Faults]:
    """Console errors, refusals of the content security policy and requests to other hosts."""
    faults = Faults([])
    yield faults
    assert faults.seen == []


@pytest.fixture
def visit(browser: Browser, base_url: str, faults: Faults) -> Iterator[Callable[..., Page]]:
    """Opens the page, in a browser profile of its own, and waits for its model."""
    contexts: list[BrowserContext] = []

    def visit(**options: Any) -> Page:  # noqa: ANN401 - Playwright's own options
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        watch(page, base_url, faults)
        page.goto(base_url)
        page.get_by_role("heading", name="About the model").wait_for()
        return page

    yield visit
    for context in contexts:
        context.close()
