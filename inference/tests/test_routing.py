from __future__ import annotations

import pytest
from starlette.responses import Response
from starlette.routing import Match

from inference.app import create_app
from inference.routing import Route
from inference.settings import Settings


async def endpoint(_request: object) -> Response:
    return Response()


def matches(route: Route, path: str) -> bool:
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    return route.matches(scope)[0] is not Match.NONE


@pytest.mark.parametrize(("slash", "paths"), [(False, ["/a"]), (True, ["/a", "/a/"])])
def test_a_path_is_matched_to_its_very_end(slash: bool, paths: list[str]) -> None:  # noqa: FBT001
    route = Route("/a", endpoint, slash=slash)
    tried = ["/a", "/a/", "/a\n", "/a/\n", "/a//", "/aa", "/", "\n/a"]
    assert [path for path in tried if matches(route, path)] == paths


def test_all_routes_are_of_this_kind() -> None:
    routes = create_app(Settings(), hosted=True).routes
    assert {type(route) for route in routes} == {Route}
