"""Fuzzes the parsers of what strangers send: `./noxw -s fuzz -- --seconds 60`.

What is found lies in `.local/fuzz`: inputs that reach new code, from which the next run goes on,
and those that fail, which `-- --again FILE` runs once more.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import warnings
from pathlib import Path

import atheris  # type: ignore[import-untyped] # it comes without types

with atheris.instrument_imports(include=["inference", "PIL"]):
    from targets import TARGETS

ROOT = Path(__file__).parents[2]
SEEDS = {
    "images": ROOT / "tests/hardening/corpus/images",
    "forms": ROOT / "tests/fuzz/corpus/forms",
    "tensors": ROOT / "tests/fuzz/corpus/tensors",
}
FOUND = ROOT / ".local/fuzz"
ONE_SECONDS = 10  # that an input may take
MEMORY = 1024  # MB
LONGEST = 16_384  # bytes


def main() -> int:
    """Fuzz each target in a process of its own.

    Returns:
        0, or 1 where an input has failed.
    """
    options = _options()
    if options.here:
        _fuzz(options.target[0], options.seconds, options.again)
    failed = [target for target in options.target if not _passes(target, options)]
    for target in failed:
        told = f"fuzz: an input of {target} has failed: it lies in {FOUND / target / 'failed'}\n"
        sys.stderr.write(told)
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./noxw -s fuzz --", description=__doc__)
    parser.add_argument("--seconds", type=_positive, default=60, help="for each target [60]")
    parser.add_argument(
        "--target", nargs="+", choices=TARGETS, default=list(TARGETS), help="what to fuzz [all]"
    )
    parser.add_argument("--again", type=Path, help="run the one target with this input alone")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.again is not None and not options.again.is_file():
        parser.error(f"--again {options.again}: there is no such file")
    if options.again is not None and len(options.target) > 1:
        parser.error("--again: say with --target whose input it is")
    return options


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number


def _passes(target: str, options: argparse.Namespace) -> bool:
    own = ("--here", "--target", target, "--seconds", str(options.seconds))
    again = () if options.again is None else ("--again", str(options.again))
    return subprocess.run([sys.executable, __file__, *own, *again], check=False).returncode == 0


def _fuzz(target: str, seconds: int, again: Path | None) -> None:
    """Run libFuzzer, which ends the process: <https://llvm.org/docs/LibFuzzer.html#options>."""
    warnings.filterwarnings("ignore", module="PIL")
    reached, failed = FOUND / target / "reached", FOUND / target / "failed"
    for folder in (reached, failed):
        folder.mkdir(parents=True, exist_ok=True)
    arguments = [
        "fuzz",
        f"-max_total_time={seconds}",
        f"-timeout={ONE_SECONDS}",
        f"-rss_limit_mb={MEMORY}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={failed}/",
        "-print_final_stats=1",
        *([str(again)] if again else [str(reached), str(SEEDS[target])]),
    ]
    atheris.Setup(arguments, TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
