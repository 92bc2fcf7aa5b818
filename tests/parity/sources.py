"""What the services' code says: the settings that are read, the routes, the health checks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
GIVEN = "given"  # as a value for whatever may be set
HEALTH_PROGRAMS = {
    "inference.health": "inference/src/inference/health.py",
    "/etc/page/healthcheck.sh": "frontend/nginx/healthcheck.sh",
}

# Notes which variables are asked for; each must be a field of the settings, which have the default.
READ_SETTINGS = """
import json, sys
from importlib import import_module

class Asked(dict):
    def get(self, name, default=None):
        self[name] = ""
        return default

def tell(value):
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)

settings, asked = import_module(sys.argv[1] + ".settings"), Asked()
settings.read_settings(asked)
defaults = {name: getattr(settings.Settings(), name.lower()) for name in asked}
print(json.dumps({name: tell(each) for name, each in defaults.items()}))
"""
READ_PREFIX = "import json; from trainer.hints import PREFIX; print(json.dumps(PREFIX))"


@cache
def python_settings(component: str) -> dict[str, str]:
    """The settings that the trainer or inference reads, with their defaults; empty is unset."""
    settings: dict[str, str] = ask(component, READ_SETTINGS, component)
    return settings


@cache
def trainer_prefix() -> str:
    """The variable that tells the trainer how it was called; no setting of the user's."""
    return str(ask("trainer", READ_PREFIX))


def page_server_settings() -> dict[str, str]:
    """The settings that the page's server of the processes reads, with their defaults."""
    return dict(re.findall(r'env\["(\w+)"\] \|\| "([^"]*)"', read("frontend/server/settings.ts")))


def nginx_settings() -> dict[str, str]:
    """The settings that the page's image reads, with their defaults."""
    scripts = sorted((ROOT / "frontend/nginx").glob("*.sh"))
    found = {
        pair
        for path in scripts
        for pair in re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", path.read_text())
    }
    settings = dict(found)
    assert len(settings) == len(found), f"nginx's scripts disagree about a default: {found}"
    return settings


def shared_settings() -> dict[str, str]:
    """The settings that containers are given in every mode, all of them to each service."""
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", read("k8s/base/settings.env"), re.MULTILINE))


def page_server_routes() -> str:
    """The routes that the page's server of the processes passes on."""
    return one(r"ROUTES = /(.*)/;", read("frontend/server/gateway.ts")).replace("\\/", "/")


def nginx_routes() -> str:
    """The routes that the page's image passes on, spelled as JavaScript's.

    They are the pattern of the location with the proxy in it.
    """
    blocks = re.findall(r"location ~ (\S+) \{([^}]*)\}", read("frontend/nginx/nginx.conf"))
    (pattern,) = (pattern for pattern, block in blocks if "include proxy.conf" in block)
    return str(pattern).removesuffix("\\z") + "$"  # JavaScript's `$` is PCRE's `\z`


def health_request(command: Sequence[str]) -> str:
    """What a health check asks for, as in `GET /ping`."""
    program = HEALTH_PROGRAMS.get(command[-1])
    assert program, f"{' '.join(command)}: what it asks for is not told in HEALTH_PROGRAMS"
    path = one(r'GET[", ]+(/[a-z]*)', read(program))
    return f"GET {path}"


def ask(project: str, script: str, *arguments: str, **environment: str) -> Any:  # noqa: ANN401 - JSON
    """What a script says as JSON, which runs beside a project and in an environment of its own."""
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / project / "src")}
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(
        command, env=clean | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def effective(defaults: Mapping[str, str], *given: Mapping[str, str]) -> dict[str, str]:
    """Settings, the last to give one first; an empty one counts as not given."""
    settings = {name: "" for each in given for name in each} | dict(defaults)
    for each in given:
        settings |= {name: value for name, value in each.items() if value}
    return settings


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def one(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, f"there is no {pattern}"
    return found[1] if found.re.groups else found[0]
