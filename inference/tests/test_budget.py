from __future__ import annotations

import pytest

from inference.budget import Budget
from inference.errors import BusyError


def test_what_is_left_can_be_taken_and_no_more() -> None:
    budget = Budget(3)
    with budget.lease() as one, budget.lease() as other:
        one.take(1)
        other.take(2)
        with pytest.raises(BusyError):
            one.take(1)
        assert budget.taken == 3
    assert budget.taken == 0


def test_a_fault_gives_back_what_was_taken() -> None:
    budget = Budget(3)
    with pytest.raises(BusyError), budget.lease() as lease:  # noqa: PT012 - the lease must end
        lease.take(2)
        lease.take(2)
    assert budget.taken == 0
