"""An account of Amazon's for the tests of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from accounts import REGION, Account

from rehearsal.server import serve

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    with serve(tmp_path_factory.mktemp("amazon"), REGION) as amazon:
        yield Account(amazon)


@pytest.fixture
def stack(account: Account, request: pytest.FixtureRequest) -> str:
    """A name for a stack of one test's own; nothing fails unless the test wants it."""
    account.amazon.faults.order()
    return str(request.node.name).replace("_", "-").replace("[", "-").rstrip("]")[5:60]
