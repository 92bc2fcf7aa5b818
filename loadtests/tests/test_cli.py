from __future__ import annotations

import pytest

from loadtests.cli import main


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--users=0",), "'0' is no number from 1 to 1000"),
        (("--model=open", "--users=3"), "--users goes with --model closed"),
        (("--rate=3",), "--rate goes with --model open"),
        (("--model=open", "--rate=nan"), "'nan' is no number above 0"),
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
    assert "./noxw -s load -- --model open" in capsys.readouterr().out


def code_of(*options: str) -> int:
    """The exit code, also where argparse ends the process."""
    try:
        return main(options)
    except SystemExit as ended:
        return int(ended.code or 0)
