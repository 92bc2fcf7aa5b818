from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from loadtests.cli import main, next_step
from loadtests.options import parse


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--users=0",), "'0' is no number from 1 to 1000"),
        (("--model=open", "--users=3"), "--users goes with --model closed"),
        (("--rate=3",), "--rate goes with --model open"),
        (("--model=open", "--rate=nan"), "'nan' is no number above 0"),
        (
            ("--hpa", "--duration=9"),
            "--duration goes with --model closed or --model open, not with",
        ),
        (("--hpa", "--users=9"), "--users goes with --model closed, not with --hpa"),
        (("--burst=9",), "--burst goes with --hpa, not with --model closed"),
        (("--model=open", "--context=c"), "--context goes with --hpa, not with --model open"),
        (("--model=open", "--hpa"), "not allowed with argument --model"),
        (("--hpa", "--burst=1"), "'1' is no number above 1, 100 at most"),
        (("--hpa", "--burst=100", "--rate=11"), "--rate times --burst is more than 1000 requests"),
        (("--hpa", "--phases=60,180"), "'60,180' is not three numbers, as in 60,180,300"),
        (("--hpa", "--phases=60,0,300"), "'0' is no number above 0"),
        (("--report=r.png",), "--report r.png: it is a page"),
        (("--duration=-1",), "'-1' is no number above 0"),
        (("--model=half",), "invalid choice"),
        (("--host=localhost",), "'localhost' is no base URL"),
        (("--host=http://[",), "is no base URL"),
        (("--host=http://localhost:99999",), "is no base URL"),
        (("--host=http://localhost/api",), "is no base URL"),
        (("--thresholds=/missing.toml",), "/missing.toml: No such file or directory"),
        (("--report=/dev/null/r.html",), "--report /dev/null/r.html: "),
        (("--report=/",), "--report /: it is a folder; name a file"),
    ],
)
def test_bad_usage_is_told_in_one_line(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], told: str
) -> None:
    assert code_of(*options) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith("loadtests: ")
    assert told in err


def test_the_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert code_of("--help") == 0
    out = capsys.readouterr().out
    assert "./noxw -s load -- --model open" in out
    assert "./noxw -s load -- --hpa" in out


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--host=http://localhost:5000",),
        ("--host=http://[::1]:3000", "--photos=my photos", "--thresholds=strict.toml"),
    ],
)
def test_the_next_command_loads_the_same_host(options: tuple[str, ...]) -> None:
    told = shlex.split(next_step(parse([*options, "--users=4"]), kept=True))
    start = ["./noxw", "-s", "load", "--"]
    assert told == [*start, *options, "--model", "open", "--rate", "10"]
    parse(told[len(start) :])


def test_each_model_has_its_defaults() -> None:
    told = {
        model: (each.users, each.rate, each.duration, each.host.rpartition(":")[2])
        for model, options in {"closed": (), "open": ("--model=open",), "hpa": ("--hpa",)}.items()
        for each in [parse(options)]
    }
    assert told == {
        "closed": (8, 10, 60, "3000"),
        "open": (1, 10, 60, "3000"),
        "hpa": (1, 10, 540, "30300"),
    }


@pytest.mark.parametrize("name", ["say", "tell"])
def test_when_nobody_reads_on_that_is_no_fault(name: str) -> None:
    program = f"import sys; from loadtests.cli import {name}; input(); {name}('1'); {name}('2')"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        closed, kept = (process.stdout, process.stderr)[:: -1 if name == "say" else 1]
        assert closed
        assert kept
        closed.close()
        print(file=process.stdin, flush=True)
        told = kept.read()
    assert (process.returncode, told) == (0, "")


def code_of(*options: str) -> int:
    """The exit code, also where argparse ends the process."""
    try:
        return main(options)
    except SystemExit as ended:
        return int(ended.code or 0)
