"""Points in time, as manifests and training.json write them."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """This moment in UTC to the second, such as `2026-01-31T12:00:00Z` (RFC 3339)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
