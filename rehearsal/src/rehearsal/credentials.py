"""Who calls Amazon: the stand-ins take any credentials, and the key's id tells whose they are."""

from __future__ import annotations

REGION = "us-west-2"  # of all rehearsals


def credentials(name: str, aws: str, region: str) -> dict[str, str]:
    """The environment of a program that calls the stand-in for Amazon under its own name.

    Args:
        name: such as "balancer"; the recorder shows it with each call.
        aws: the endpoint of all services.
        region: such as us-west-2.
    """
    return {
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": name,
        "AWS_SECRET_ACCESS_KEY": "rehearsal",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
