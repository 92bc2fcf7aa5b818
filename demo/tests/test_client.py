from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from conftest import free_ports
from fake_service import ANSWERS, page_server

from demo.client import Answer, classify_sample, is_ready
from demo.errors import DemoError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Serve = Callable[["Mapping[str, object]"], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(answers: Mapping[str, object]) -> str:
            server = stack.enter_context(page_server(answers))
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


def test_ready(serve: Serve) -> None:
    assert is_ready(serve(ANSWERS))


@pytest.mark.parametrize("path", ["/", "/api/ready"])
def test_not_ready_without_page_or_model(serve: Serve, path: str) -> None:
    assert not is_ready(serve(ANSWERS | {path: None}))


def test_not_ready_without_server() -> None:
    assert not is_ready(f"http://127.0.0.1:{free_ports(1)[0]}")


def test_a_sample_is_classified(serve: Serve) -> None:
    assert classify_sample(serve(ANSWERS)) == Answer("digits", 1, "a.png", "7", "7", 0.98)


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/api/models", None),
        ("/api/models", "<html>"),
        ("/api/models", []),
        ("/api/models/1", {"samples": []}),
        ("/api/models/1", {"samples": None}),
        ("/api/models/1/files/a.png", None),
        ("/api/predict", None),
        ("/api/predict", {"predictions": [{"top": [{"label": "7", "probability": 1.0}]}]}),
        ("/api/predict", {"model": {"name": "a", "version": 1}, "predictions": []}),
        (
            "/api/predict",
            {
                "model": {"name": "a", "version": 1},
                "predictions": [{"top": [{"label": "7", "probability": "high"}]}],
            },
        ),
    ],
)
def test_what_is_no_answer_is_told(serve: Serve, path: str, answer: object) -> None:
    url = serve(ANSWERS | {path: answer})
    with pytest.raises(DemoError, match=rf"^{url}: no answer to a sample image \("):
        classify_sample(url)
