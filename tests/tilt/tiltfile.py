"""The Tiltfile, evaluated without Tilt: its functions record what they are given.

They have the names and the arguments that Tilt's own have (https://docs.tilt.dev/api.html), as far
as the Tiltfile uses them; one that is spelled in another way is an error, as it is in Tilt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import starlark
import yaml

from declarations import ROOT, Button, Image, Resource, listed
from rendering import render

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from declarations import Value

CONTEXT = "kind-ml-pipeline"
OWN = {"before", "resource"}  # methods that are none of Tilt's functions
MODULES = """
config = struct(define_string=define_string, parse=parse)
os = struct(getenv=getenv, path=struct(exists=exists, realpath=realpath))
v1alpha1 = struct(
    ui_button=ui_button, ui_component_location=ui_component_location,
    cmd=cmd, start_on_spec=start_on_spec,
)
"""


class TiltfileError(Exception):
    """What the Tiltfile refuses, in its own words."""


@dataclass(slots=True)
class Recording:
    """What a Tiltfile declares, in its order."""

    choices: Mapping[str, str]
    environment: Mapping[str, str]
    context: str
    settings: Value = field(default_factory=dict)
    options: list[str] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    resources: list[Resource] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    objects: list[Value] = field(default_factory=list)
    compose: Value = field(default_factory=dict)
    refused: str = ""

    def resource(self, name: str) -> Resource:
        (found,) = (each for each in self.resources if each.name == name)
        return found

    def before(self, name: str) -> set[str]:
        """All that a resource waits for, directly or not."""
        seen: set[str] = set()
        left = list(self.resource(name).after)
        while left:
            each = left.pop()
            if each not in seen:
                seen.add(each)
                left += self.resource(each).after
        return seen

    # Tilt's functions.

    def version_settings(self, *, constraint: str) -> None:
        self.settings["version"] = constraint

    def ci_settings(self, *, k8s_grace_period: str, timeout: str, readiness_timeout: str) -> None:
        self.settings["ci"] = (k8s_grace_period, timeout, readiness_timeout)

    def define_string(self, name: str, *, usage: str) -> None:
        assert usage
        self.options.append(name)

    def parse(self) -> Mapping[str, str]:
        assert set(self.choices) <= set(self.options)
        return self.choices

    def getenv(self, key: str, default: str) -> str:
        return self.environment.get(key, default)

    def exists(self, path: str) -> bool:
        return (ROOT / path).exists()

    def realpath(self, path: str) -> str:
        return str((ROOT / path).resolve())

    def fail(self, message: str) -> None:
        self.refused = message
        raise TiltfileError(message)

    def k8s_context(self) -> str:
        return self.context

    def allow_k8s_contexts(self, contexts: str | list[str]) -> None:
        self.settings["contexts"] = listed(contexts)

    def docker_build(  # noqa: PLR0913 - Tilt's
        self,
        ref: str,
        context: str,
        *,
        build_args: Mapping[str, str],
        target: str = "",
        container_args: list[str] | None = None,
        live_update: Sequence[Value] = (),
    ) -> None:
        self.images.append(
            Image(ref, ROOT / context, build_args, target, container_args, live_update)
        )

    def sync(self, local_path: str, remote_path: str) -> Value:
        return {"sync": [local_path, remote_path]}

    def run(self, cmd: str) -> Value:
        return {"run": cmd}

    def fall_back_on(self, files: str | list[str]) -> Value:
        return {"fall_back_on": files}

    def kustomize(self, path: str) -> str:
        return yaml.safe_dump_all(render(ROOT / path))

    def decode_yaml_stream(self, text: str) -> list[Value]:
        return list(yaml.safe_load_all(text))

    def encode_yaml(self, value: Value) -> Value:
        return {"blob": value}

    def k8s_yaml(self, text: str) -> None:
        self.objects += yaml.safe_load_all(text)

    def port_forward(self, local_port: int, container_port: int, *, link_path: str = "") -> Value:
        assert link_path == "" or link_path.startswith("/")
        return {"port": [local_port, container_port]}

    def k8s_resource(  # noqa: PLR0913 - Tilt's
        self,
        workload: str = "",
        *,
        new_name: str = "",
        labels: str | list[str],
        objects: Sequence[str] = (),
        resource_deps: Sequence[str] = (),
        trigger_mode: str = "auto",
        port_forwards: Value | None = None,
    ) -> None:
        ports = dict([port_forwards["port"]]) if port_forwards else {}
        manual = trigger_mode == "manual"
        name = new_name or workload
        self.resources.append(
            Resource(name, listed(labels), resource_deps, workload, objects, manual, ports)
        )

    def local_resource(  # noqa: PLR0913 - Tilt's
        self,
        name: str,
        cmd: str | list[str],
        *,
        labels: str | list[str],
        deps: str | list[str] = (),  # type: ignore[assignment] # an empty one
        ignore: str | list[str] = (),  # type: ignore[assignment] # the same
        resource_deps: Sequence[str] = (),
        auto_init: bool = True,
        allow_parallel: bool = False,
    ) -> None:
        del ignore, allow_parallel
        assert auto_init or deps, f"nothing ever starts {name}"
        self.resources.append(
            Resource(name, listed(labels), resource_deps, command=cmd, files=listed(deps))
        )

    def docker_compose(self, config_paths: list[Any], *, project_name: str, wait: bool) -> None:
        self.compose = {"files": config_paths, "project": project_name, "wait": wait}

    def dc_resource(self, name: str, *, labels: str | list[str]) -> None:
        self.resources.append(Resource(name, listed(labels), service=name))

    def ui_component_location(self, *, component_id: str, component_type: str) -> str:
        assert component_type == "Resource"
        return component_id

    def ui_button(
        self, name: str, *, text: str, icon_name: str, requires_confirmation: bool, location: str
    ) -> None:
        assert (bool(icon_name), requires_confirmation) == (True, True)
        self.settings.setdefault("buttons", {})[name] = (location, text)

    def start_on_spec(self, *, ui_buttons: list[str]) -> list[str]:
        return ui_buttons

    def cmd(
        self, name: str, *, args: list[str], start_on: list[str], annotations: Mapping[str, str]
    ) -> None:
        (button,) = start_on
        resource, text = self.settings["buttons"][button]
        assert annotations == {"tilt.dev/resource": resource, "tilt.dev/log-span-id": name}
        self.buttons.append(Button(resource, text, args))


def evaluate(
    choices: Mapping[str, str], context: str = CONTEXT, environment: Mapping[str, str] | None = None
) -> Recording:
    """What the Tiltfile declares for the options that are chosen.

    Raises:
        TiltfileError: it refuses them.
    """
    recording = Recording(choices, environment or {}, context)
    module = starlark.Module()
    for name in dir(Recording):
        function = getattr(recording, name)
        if callable(function) and not name.startswith("_") and name not in OWN:
            module.add_callable(name, function)
    module["TRIGGER_MODE_MANUAL"] = "manual"
    library = starlark.Globals.extended_by([starlark.LibraryExtension.StructType])
    source = (ROOT / "Tiltfile").read_text(encoding="utf-8")
    starlark.eval(module, starlark.parse("modules", MODULES), library)
    parsed = starlark.parse("Tiltfile", source, starlark.Dialect.extended())
    try:
        starlark.eval(module, parsed, library)
    except starlark.StarlarkError as error:
        if recording.refused:
            raise TiltfileError(recording.refused) from error
        raise
    return recording
