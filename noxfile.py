"""The sessions that run, test, check and lock the project; `./noxw --list` tells them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["tests"]

ROOT = Path(__file__).resolve().parent
FOLDERS = {"MODEL_DIR": "model", "DATA_DIR": "data", "IMAGES_DIR": "imgs"}
PATIENCE = 30  # seconds that services may take to stop after Ctrl-C
TYPED = {  # what is checked, with whose environment
    "benchmarks": "trainer",
    "benchmarks/serving_bare.py": "inference",
    "demo": "demo",
    "deploy": "deploy",
    "inference": "inference",
    "loadtests": "load",
    "rehearsal": "rehearsal",
    "tests": "tests",
    "tests/clients/test_kserve.py": "clients",
    "tests/clients/test_triton.py": "clients",
    "tests/contract/make_golden_images.py": "trainer",
    "tests/contract/make_golden_models.py": "inference",
    "tests/fuzz/fuzz.py": "fuzz",
    "tests/fuzz/targets.py": "fuzz",
    "tests/hardening/make_golden_corpus.py": "inference",
    "trainer": "trainer",
}
PROJECTS = ("demo", "deploy", "inference", "loadtests", "rehearsal", "trainer")
PEERS = ("litserve", "mlserver", "bentoml", "flask_onnxruntime", "flask_keras")
PYTEST = (f"{ROOT}/.nox/env_tests/bin/pytest", "-rs")  # and tell what was skipped, and why
COMPILE = (
    *("uv", "pip", "compile", "--universal", "--generate-hashes", "--no-header", "--upgrade"),
    *("--quiet", "--python-version", "3.11"),
)
LOCKS = {
    "requirements.lock": ("--group", "pyproject.toml:nox"),
    "requirements-lint.lock": ("--group", "pyproject.toml:lint"),
    "requirements-node.lock": ("--group", "pyproject.toml:node"),
    **{
        f"benchmarks/peers/{peer}/requirements.lock": (f"benchmarks/peers/{peer}/requirements.in",)
        for peer in PEERS
    },
    "demo/requirements.lock": ("demo/pyproject.toml",),
    "demo/requirements-test.lock": ("demo/pyproject.toml", "--group", "demo/pyproject.toml:test"),
    "deploy/requirements.lock": ("deploy/pyproject.toml",),
    "deploy/requirements-test.lock": (
        "deploy/pyproject.toml",
        "--group",
        "deploy/pyproject.toml:test",
    ),
    "inference/requirements.lock": ("inference/pyproject.toml",),
    "inference/requirements-image.lock": ("--group", "inference/pyproject.toml:image"),
    "inference/requirements-otel.lock": ("inference/pyproject.toml", "--extra", "otel"),
    "inference/requirements-test.lock": (
        "inference/pyproject.toml",
        "--extra",
        "otel",
        "--group",
        "inference/pyproject.toml:test",
    ),
    "loadtests/requirements.lock": ("loadtests/pyproject.toml",),
    "loadtests/requirements-image.lock": ("--group", "loadtests/pyproject.toml:image"),
    "loadtests/requirements-test.lock": (
        "loadtests/pyproject.toml",
        "--group",
        "loadtests/pyproject.toml:test",
    ),
    "rehearsal/requirements.lock": ("rehearsal/pyproject.toml",),
    "rehearsal/requirements-image.lock": ("--group", "rehearsal/pyproject.toml:image"),
    "rehearsal/requirements-test.lock": (
        "rehearsal/pyproject.toml",
        "--group",
        "rehearsal/pyproject.toml:test",
    ),
    "tests/requirements.lock": ("tests/pyproject.toml",),
    "tests/clients/requirements.lock": ("tests/clients/pyproject.toml",),
    "tests/fuzz/requirements.lock": ("tests/fuzz/pyproject.toml",),
    "tests/requirements-checkov.lock": ("--group", "tests/pyproject.toml:checkov"),
    "trainer/requirements.lock": ("trainer/pyproject.toml", "--extra", "cpu"),
    "trainer/requirements-image.lock": ("--group", "trainer/pyproject.toml:image"),
    "trainer/requirements-gpu.lock": ("trainer/pyproject.toml", "--extra", "gpu"),
    "trainer/requirements-test.lock": (
        "trainer/pyproject.toml",
        "--extra",
        "cpu",
        "--group",
        "trainer/pyproject.toml:test",
    ),
}


@nox.session
def demo(session: nox.Session) -> None:
    """Train on the bundled digits, or -- --data ..., then serve the model and the page."""
    install(session, "demo/requirements.lock", "demo")
    session.run("demo", "--check", *session.posargs, log=False)
    if {"-h", "--help"} & set(session.posargs):  # which the check has answered
        return
    nested = (sys.executable, "-m", "nox", "-s", "environments")
    made = (ROOT / "frontend/dist").exists()  # and what takes minutes is not to be a silent wait
    session.run(*nested, external=True, silent=made, log=False)
    run_service(session, f"{session.bin}/demo", f"--root={ROOT}", *session.posargs)


@nox.session(
    venv_backend="none",
    requires=[
        *("tests_page", "tests_inference", "tests_clients", "tests_demo", "tests_deploy"),
        *("tests_bench", "tests_load", "tests_trainer", "tests_services"),
        *("tests_containers", "tests_kind"),
        *("tests_stand_ins", "tests_rehearsal", "tests_hardening"),
    ],
)
def tests(session: nox.Session) -> None:
    """Run all tests, the fast ones first; what follows -- goes to pytest."""
    session.log("all tests have passed")


@nox.session(
    venv_backend="none",
    requires=["lint_style", "lint_page", "lint_manifests", "lint_types"],
    default=False,
)
def lint(session: nox.Session) -> None:
    """Check style, types, import directions, manifests and the workflow."""
    session.log("nothing is to be mended")


@nox.session(venv_backend="none", requires=["env_trainer"], default=False)
def trainer(session: nox.Session) -> None:
    """Run the trainer's commands: -- --help tells them."""
    run_service(session, f"{ROOT}/.nox/env_trainer/bin/trainer", *session.posargs)


@nox.session(venv_backend="none", requires=["env_inference"], default=False)
def inference(session: nox.Session) -> None:
    """Serve the published model on http://127.0.0.1:5000."""
    run_service(session, f"{ROOT}/.nox/env_inference/bin/inference", *session.posargs)


@nox.session(venv_backend="none", requires=["env_load"], default=False)
def load(session: nox.Session) -> None:
    """Load the page with real photos and judge the answers: -- --help tells the options."""
    run_service(session, f"{ROOT}/.nox/env_load/bin/loadtests", *session.posargs)


@nox.session(venv_backend="none", requires=["env_tests"], default=False)
def drills(session: nox.Session) -> None:
    """Break the containers in every way that the tests know, at full length."""
    session.run(*PYTEST, "tests/drills", "--full", *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_tests", "env_deploy", "env_load"], default=False)
def drills_kind(session: nox.Session) -> None:
    """Break the pods in every way that the tests know, at full length."""
    session.run(*PYTEST, "tests/kind", "--full", *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_fuzz"], default=False)
def fuzz(session: nox.Session) -> None:
    """Look for bytes that the model server's parsers fail on: -- --help tells the options."""
    session.run(".nox/env_fuzz/bin/python", "tests/fuzz/fuzz.py", *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_deploy"], default=False)
def train_kind(session: nox.Session) -> None:
    """Train on the kind cluster, in a new Job: -- --help tells the options."""
    run_service(session, f"{ROOT}/.nox/env_deploy/bin/deploy", "train", *session.posargs)


@nox.session(venv_backend="none", requires=["env_deploy"], default=False)
def kind(session: nox.Session) -> None:
    """List, roll back, prune or break the models of the kind cluster: -- --help tells more."""
    run_service(session, f"{ROOT}/.nox/env_deploy/bin/deploy", *session.posargs)


@nox.session(venv_backend="none", requires=["env_deploy"], default=False)
def deploy_eks(session: nox.Session) -> None:
    """Deploy to Amazon EKS; -- --plan tells what that does, --help the options."""
    run_service(session, f"{ROOT}/.nox/env_deploy/bin/eks", "deploy", *session.posargs)


@nox.session(venv_backend="none", requires=["env_deploy"], default=False)
def destroy_eks(session: nox.Session) -> None:
    """Delete a deployment, and see that nothing of it is left: -- --help tells the options."""
    run_service(session, f"{ROOT}/.nox/env_deploy/bin/eks", "destroy", *session.posargs)


@nox.session(venv_backend="none", requires=["env_deploy"], default=False)
def status_eks(session: nox.Session) -> None:
    """Show a deployment's versions, replicas, health and URL: -- --help tells the options."""
    run_service(session, f"{ROOT}/.nox/env_deploy/bin/eks", "status", *session.posargs)


@nox.session(venv_backend="none", requires=["env_deploy"], default=False)
def train_eks(session: nox.Session) -> None:
    """Train on EKS, in a new Job on spot: -- --help tells the options."""
    run_service(session, f"{ROOT}/.nox/env_deploy/bin/eks", "train", *session.posargs)


@nox.session(venv_backend="none", requires=["env_deploy"], default=False)
def rollback_eks(session: nox.Session) -> None:
    """Make an earlier version the current one on EKS: -- --help tells the options."""
    run_service(session, f"{ROOT}/.nox/env_deploy/bin/eks", "rollback", *session.posargs)


@nox.session(venv_backend="none", requires=["env_deploy", "env_rehearsal"], default=False)
def rehearse_eks(session: nox.Session) -> None:
    """Deploy to stand-ins for AWS on this machine, and destroy: -- --help tells the options."""
    run_service(session, f"{ROOT}/.nox/env_rehearsal/bin/rehearsal", *session.posargs)


@nox.session(venv_backend="none", default=False)
def images(session: nox.Session) -> None:
    """Build the images and hold their sizes against their budgets: -- --help tells the options."""
    session.run("docker", "compose", "build", "--quiet", external=True)
    session.run(sys.executable, "benchmarks/images.py", *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["environments"], default=False)
def bench(session: nox.Session) -> None:
    """Measure on this machine and write docs/benchmarks.md: -- --help tells the options."""
    session.run(".nox/env_trainer/bin/python", "benchmarks/run.py", *session.posargs, external=True)


@nox.session(venv_backend="none", default=False)
def bench_serving(session: nox.Session) -> None:
    """Measure the model server beside others, on one core: -- --help tells the options."""
    script = "benchmarks/serving_side_by_side.py"
    session.run(sys.executable, script, "--check", *session.posargs, external=True, log=False)
    if {"-h", "--help"} & set(session.posargs):  # which the check has answered
        return
    nested = (sys.executable, "-m", "nox", "-s", "env_trainer", "env_inference", "env_peer")
    session.run(*nested, external=True, log=False)  # 2 GB, and so not before the options are right
    session.run(".nox/env_trainer/bin/python", script, *session.posargs, external=True)


@nox.session(requires=["env_page"], default=False)
def lock(session: nox.Session) -> None:
    """Renew every lock: the newest versions that fit one another, with hashes, without hosts."""
    install(session, "requirements.lock")
    for path, inputs in LOCKS.items():
        session.run(*COMPILE, *inputs, "--output-file", path)
    session.run(".nox/env_page/bin/page", "update", "--", "--package-lock-only", external=True)


@nox.session(venv_backend="none", requires=["env_trainer", "env_inference", "env_page"])
def environments(session: nox.Session) -> None:
    """Install what the services need."""
    session.log("the services' environments are ready")


@nox.session(default=False)
def env_trainer(session: nox.Session) -> None:
    """Install the trainer."""
    install(session, "trainer/requirements-test.lock", "trainer")


@nox.session(default=False)
def env_inference(session: nox.Session) -> None:
    """Install the inference service."""
    install(session, "inference/requirements-test.lock", "inference")


@nox.session(default=False)
def env_demo(session: nox.Session) -> None:
    """Install what runs the services as processes."""
    install(session, "demo/requirements-test.lock", "demo")


@nox.session(default=False)
def env_deploy(session: nox.Session) -> None:
    """Install what works on a cluster."""
    install(session, "deploy/requirements-test.lock", "deploy")


@nox.session(default=False)
def env_rehearsal(session: nox.Session) -> None:
    """Install what stands in for Amazon's services."""
    install(session, "rehearsal/requirements-test.lock", "rehearsal")


@nox.session(default=False)
def env_tests(session: nox.Session) -> None:
    """Install what the tests across services need."""
    install(session, "tests/requirements.lock")


@nox.session(default=False)
def env_clients(session: nox.Session) -> None:
    """Install the clients that others wrote."""
    install(session, "tests/clients/requirements.lock")


@nox.session(default=False)
def env_fuzz(session: nox.Session) -> None:
    """Install the fuzzer, with the inference service as it is deployed."""
    locks = ("inference/requirements.lock", "tests/fuzz/requirements.lock")
    install(session, *locks, "inference")


@nox.session(default=False)
def env_load(session: nox.Session) -> None:
    """Install the load test."""
    install(session, "loadtests/requirements-test.lock", "loadtests")


@nox.session(default=False)
@nox.parametrize("peer", PEERS, ids=PEERS)
def env_peer(session: nox.Session, peer: str) -> None:
    """Install a model server that this one is measured beside."""
    install(session, f"benchmarks/peers/{peer}/requirements.lock")


@nox.session(default=False)
def env_page(session: nox.Session) -> None:
    """Install Node.js, unless the PATH has one that is new enough, and build the page."""
    install(session, "demo/requirements.lock", "demo")
    if not session.run("page", "find-node", silent=True):
        install(session, "requirements-node.lock")
    session.run("page", "build")


@nox.session(venv_backend="none", requires=["env_demo"], default=False)
def tests_demo(session: nox.Session) -> None:
    """Test what runs the services as processes."""
    session.run(".nox/env_demo/bin/pytest", "demo", *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_deploy", "env_trainer"], default=False)
def tests_deploy(session: nox.Session) -> None:
    """Test what works on a cluster."""
    session.run(".nox/env_deploy/bin/pytest", "deploy", *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_rehearsal"], default=False)
def tests_stand_ins(session: nox.Session) -> None:
    """Test what stands in for Amazon; without Docker and kind, skip what needs them."""
    pytest = (".nox/env_rehearsal/bin/pytest", "-rs", "rehearsal")
    session.run(*pytest, "--ignore=rehearsal/tests/whole", *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_rehearsal", "env_deploy"], default=False)
def tests_rehearsal(session: nox.Session) -> None:
    """Rehearse deployments to EKS; without Docker and kind, skip."""
    pytest = (".nox/env_rehearsal/bin/pytest", "-rs", "rehearsal/tests/whole")
    session.run(*pytest, *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_inference"], default=False)
def tests_inference(session: nox.Session) -> None:
    """Test the inference service."""
    session.run(".nox/env_inference/bin/pytest", "inference", *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_load", "env_inference"], default=False)
def tests_load(session: nox.Session) -> None:
    """Test the load test, also against the real model server."""
    session.run(".nox/env_load/bin/pytest", "loadtests", *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_clients", "env_inference"], default=False)
def tests_clients(session: nox.Session) -> None:
    """Test the model server by clients that others wrote: Triton's and KServe's."""
    pytest = (".nox/env_clients/bin/pytest", "tests/clients")
    session.run(*pytest, *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_trainer"], default=False)
def tests_trainer(session: nox.Session) -> None:
    """Test the trainer."""
    session.run(".nox/env_trainer/bin/pytest", "trainer", *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_trainer"], default=False)
def tests_bench(session: nox.Session) -> None:
    """Test what measures model servers side by side."""
    pytest = (".nox/env_trainer/bin/pytest", "-W", "error", "benchmarks")
    session.run(*pytest, *session.posargs, env={"PYTHONPATH": "benchmarks"}, external=True)


@nox.session(venv_backend="none", requires=["env_page"], default=False)
def tests_page(session: nox.Session) -> None:
    """Test the page in Vitest."""
    session.run(".nox/env_page/bin/page", "run", "test", external=True)


@nox.session(venv_backend="none", requires=["environments", "env_tests"], default=False)
def tests_services(session: nox.Session) -> None:
    """Test the services together: the demo itself, and its page in a real browser."""
    folders = ("tests/contract", "tests/e2e", "tests/monitoring")
    session.run(*PYTEST, *folders, *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_inference", "env_tests"], default=False)
def tests_hardening(session: nox.Session) -> None:
    """Test the model server with hostile requests, too many and for long; -- --full is longer."""
    session.run(*PYTEST, "tests/hardening", *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["environments", "env_tests"], default=False)
def tests_containers(session: nox.Session) -> None:
    """Test the images and `docker compose up`; without a Docker engine, skip what needs one."""
    folders = ("tests/parity", "tests/containers", "tests/drills")
    session.run(*PYTEST, *folders, *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_tests", "env_deploy", "env_load"], default=False)
def tests_kind(session: nox.Session) -> None:
    """Test the manifests, and the pods on a kind cluster; without kind, skip what needs one."""
    folders = ("tests/kubernetes", "tests/tilt", "tests/kind")
    session.run(*PYTEST, *folders, *session.posargs, external=True)


@nox.session(default=False)
def lint_style(session: nox.Session) -> None:
    """Check style and import directions of all Python, and the workflow."""
    install(session, "requirements-lint.lock")
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check")
    session.run(
        "lint-imports",
        "--no-cache",
        env={"PYTHONPATH": ":".join(f"{each}/src" for each in PROJECTS)},
    )
    session.run("zizmor", "--offline", "--no-progress", "--pedantic", ".github")


@nox.session(requires=["env_tests"], default=False)
def lint_manifests(session: nox.Session) -> None:
    """Check the manifests, without kubectl not those, and the stack by checkov's rules."""
    install(session, "tests/requirements-checkov.lock")
    checks = ("tests/kubernetes/lint_manifests.py", "tests/kubernetes/lint_stack.py")
    session.run(*PYTEST, *checks, *session.posargs, external=True)


@nox.session(venv_backend="none", requires=["env_page"], default=False)
def lint_page(session: nox.Session) -> None:
    """Check the page's types and style."""
    session.run(".nox/env_page/bin/page", "run", "lint", external=True)


@nox.session(
    requires=[
        *("environments", "env_clients", "env_demo", "env_deploy", "env_fuzz", "env_load"),
        *("env_rehearsal", "env_tests"),
    ],
    default=False,
)
def lint_types(session: nox.Session) -> None:
    """Check the types of all Python, each project with its own environment."""
    install(session, "requirements-lint.lock", "requirements.lock")
    session.run("mypy", "noxfile.py")
    for path, project in TYPED.items():
        session.run("mypy", path, "--python-executable", f".nox/env_{project}/bin/python")


def install(session: nox.Session, *locks_and_projects: str) -> None:
    """Install locks, checked by their hashes, and this repository's projects beside them."""
    for each in locks_and_projects:
        if each.endswith(".lock"):
            session.install("--compile-bytecode", "--require-hashes", "-r", each, log=False)
        else:
            session.install("--no-deps", "-e", each, log=False)


def run_service(session: nox.Session, *command: str) -> None:
    """Run a program that needs time to stop.

    Relative paths are the user's, and lead from where nox was called; what is not told to lie
    elsewhere lies in this repository.
    """
    folders = {name: os.environ.get(name) or f"{ROOT}/.local/{FOLDERS[name]}" for name in FOLDERS}
    with session.chdir(session.invoked_from):
        session.run(
            *command,
            env=folders | {"TRAINER_COMMAND": "./noxw -s trainer --"},
            external=True,
            interrupt_timeout=PATIENCE,
            terminate_timeout=PATIENCE,
            log=False,
        )
