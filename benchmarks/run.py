"""Measures what docs/benchmarks.md tells, and writes it."""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from figures import read_figures

if TYPE_CHECKING:
    from figures import Figure

HERE = Path(__file__).parent
REPORT = Path("docs/benchmarks.md")
ALL = ("demo", "prepare", "fit", "accuracy", "serving", "containers")
BESIDE = "side-by-side"  # which has environments, options and a section of its own
PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "onnxruntime", "numpy", "pillow")


def main() -> int:
    """Runs each measurement in a process of its own; 1 when a figure is not reached."""
    arguments = build_parser().parse_args()
    if BESIDE in arguments.only:
        return compare_servers(arguments.data)
    with tempfile.TemporaryDirectory() as folder:
        model_dir = Path(folder) / "model"
        calls = {
            "demo": [],
            "prepare": [arguments.data],
            "fit": [arguments.data],
            "accuracy": [arguments.data],
            "serving": [arguments.data, str(model_dir), "photos"],
            "containers": [],
        }
        if "serving" in arguments.only:
            train_for_serving(arguments.data, Path(folder))
        figures = [figure for name in arguments.only for figure in measure(name, calls[name])]
    text = report(figures, arguments.data)
    sys.stdout.write(text)
    if tuple(arguments.only) == ALL:
        REPORT.write_text(text + other_sections(), encoding="utf-8")
    return 0 if all(figure.reached for figure in figures) else 1


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="./noxw -s bench --",
        description=f"Measures on this machine; all of it takes half an hour on 2 cores and goes "
        f"to {REPORT}. {BESIDE} is `./noxw -s bench_serving`.",
        epilog="example:\n  ./noxw -s bench -- --data ~/flowers.tar --only prepare fit",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", default="flowers", help="photos, as `trainer prepare` takes them")
    parser.add_argument(
        "--only", nargs="+", choices=(*ALL, BESIDE), default=ALL, help="some measurements"
    )
    return parser


def compare_servers(data: str) -> int:
    """The model server beside others, in a session that installs them, too."""
    command = ["./noxw", "-s", "bench_serving", "--", "--data", data]
    return subprocess.run(command, check=False).returncode


def measure(name: str, arguments: list[str]) -> list[Figure]:
    """The figures of one measurement."""
    sys.stderr.write(f"measuring: {name}\n")
    environment = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, HERE / f"{name}.py", *arguments],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
        check=True,
    )
    return read_figures(done.stdout)


def train_for_serving(data: str, folder: Path) -> None:
    """Publishes a model of the size that photos get; how good it is does not matter here."""
    environment = {
        "MODEL_DIR": str(folder / "model"),
        "DATA_DIR": str(folder / "data"),
        "IMAGES_DIR": str(folder / "imgs"),
        "MODEL_NAME": "photos",
    }
    command = [sys.executable, "-m", "trainer", "run", "--data", data, "--image-size", "128"]
    subprocess.run([*command, "--epochs", "1"], env=os.environ | environment, check=True)


def report(figures: list[Figure], data: str) -> str:
    """The page's text."""
    rows = "\n".join(
        f"| {figure.what} | {figure.value} | {figure.target} | "
        f"{'yes' if figure.reached else 'no'} | {figure.detail} |"
        for figure in figures
    )
    command = f"./noxw -s bench -- --data {Path(data).name}"
    return (
        "# Benchmarks\n\n"
        f"Measured on {datetime.now(UTC):%Y-%m-%d} by `{command}`: {machine()}. "
        f"Python {platform.python_version()}, {packages()}. Of several passes the median is told, "
        "with the least and the most; ratios are of runs that took turns.\n\n"
        "| what | figure | should be | reached | detail |\n|---|---|---|---|---|\n"
        f"{rows}\n"
    )


def other_sections() -> str:
    """What the page has below its first section, from other measurements."""
    text = REPORT.read_text(encoding="utf-8") if REPORT.exists() else ""
    start = text.find("\n## ")
    return text[start:] if start >= 0 else ""


def machine() -> str:
    """Processor and cores."""
    cores = os.cpu_count()
    info = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (info.read_text().splitlines() if info.exists() else [])
        if line.startswith("model name")
    ]
    return f"{cores} cores of {names[0] if names else platform.processor()}, {platform.system()}"


def packages() -> str:
    """The versions that matter, of what is installed."""
    found = []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except ModuleNotFoundError:
            continue
    return ", ".join(found)


if __name__ == "__main__":
    sys.exit(main())
