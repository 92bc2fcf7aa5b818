from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.page import main

NODE = """#!/bin/sh
case "$1" in
    --version) echo v24.0.0 ;;
    *) echo "node $* in $(pwd -P)" ;;
esac
"""
NPM = """#!/bin/sh
echo "$@" >> ../npm.log
case "$* $FAIL" in
    "ci --no-audit --no-fund ") mkdir -p node_modules ;;
    "run build ") rm -rf dist && mkdir dist && : > dist/index.html ;;
    "run test ") exit 7 ;;
    *) exit 1 ;;
esac
"""
TRY_LOCK = """
import fcntl
with open("package-lock.json") as lock, open("../npm.log", "a") as log:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        log.write("free\\n")
    except BlockingIOError:
        log.write("locked\\n")
"""
CI, BUILD = "ci --no-audit --no-fund", "run build"


class Page:
    """A page's folder and what npm was told about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str) -> int:
        return main(["--folder", str(self.folder), *arguments])

    @property
    def log(self) -> list[str]:
        """What npm was told since this was asked last."""
        path = self.folder.parent / "npm.log"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    use_node(tmp_path / "bin", monkeypatch)
    folder = tmp_path / "frontend"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "main.ts").write_text("one")
    (folder / "package-lock.json").write_text("{}")
    return Page(folder)


def test_nothing_is_done_when_nothing_changed(page: Page) -> None:
    assert page("build") == 0
    assert page.log == [CI, BUILD]
    assert page("build") == 0
    assert page.log == []


@pytest.mark.parametrize("change", ["change", "add", "rename", "remove"])
def test_a_changed_source_is_built(page: Page, change: str) -> None:
    page("build")
    assert page.log == [CI, BUILD]
    source = page.folder / "src" / "main.ts"
    match change:
        case "change":
            source.write_text("two")
        case "add":
            (page.folder / "new.ts").touch()
        case "rename":
            source.rename(page.folder / "src" / "other.ts")
        case _:
            source.unlink()
    assert page("build") == 0
    assert page.log == [BUILD]


def test_a_changed_lock_is_installed_and_built(page: Page) -> None:
    page("build")
    (page.folder / "package-lock.json").write_text('{"a": 1}')
    assert page.log == [CI, BUILD]
    assert page("build") == 0
    assert page.log == [CI, BUILD]


def test_another_node_installs_and_builds(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page("build")
    assert page.log == [CI, BUILD]
    use_node(tmp_path / "other", monkeypatch)
    page("build")
    assert page.log == [CI, BUILD]


@pytest.mark.parametrize("lost", ["dist/.built", "node_modules/.installed"])
def test_what_was_lost_is_made_again(page: Page, lost: str) -> None:
    page("build")
    (page.folder / lost).unlink()
    assert page.log == [CI, BUILD]
    page("build")
    assert page.log == ([BUILD] if lost.startswith("dist") else [CI])


def test_no_other_builds_in_the_folder_meanwhile(page: Page) -> None:
    (page.folder / "try.py").write_text(TRY_LOCK)
    npm = page.folder.parent / "bin" / "npm"
    npm.write_text(NPM.replace("#!/bin/sh", f'#!/bin/sh\n"{sys.executable}" try.py'))
    assert page("build") == 0
    assert page.log == ["locked", CI, "locked", BUILD]
    page("run", "test")
    assert page.log == ["free", "run test"]


def test_a_failure_is_told_and_not_remembered(
    page: Page, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAIL", "yes")
    assert page("build") == 1
    said = f"page: `npm {CI}` in {page.folder} failed; its output is above\n"
    assert capsys.readouterr().err == said
    monkeypatch.delenv("FAIL")
    assert page("build") == 0
    assert page.log == [CI, CI, BUILD]


def test_scripts_are_run_and_their_exit_codes_handed_on(page: Page) -> None:
    assert page("run", "test") == 7
    assert page.log == ["run test"]


def test_serving_is_what_the_process_becomes(page: Page) -> None:
    page("build")
    install_vite(page)
    served = serve(page)
    command = "node node_modules/vite/bin/vite.js preview --logLevel warn"
    said = f"{command} in {page.folder.resolve()}\n"
    assert (served.stdout, served.returncode) == (said, 0)


@pytest.mark.parametrize("lost", ["dist/index.html", "node_modules/vite/bin/vite.js"])
def test_serving_needs_a_built_page(page: Page, lost: str) -> None:
    page("build")
    install_vite(page)
    (page.folder / lost).unlink()
    served = serve(page)
    said = f"page: {page.folder}: the page is not built; `page build` does it\n"
    assert (served.stderr, served.stdout, served.returncode) == (said, "", 1)


def test_a_folder_without_a_page(page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    (page.folder / "package-lock.json").unlink()
    assert page("build") == 1
    assert capsys.readouterr().err.startswith(f"page: {page.folder}: no package-lock.json here")
    assert page.log == []


def test_find_node_tells_the_paths_own(
    page: Page, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert page("find-node") == 0
    assert capsys.readouterr().out == str(tmp_path / "bin" / "node")


def test_find_node_tells_nothing_when_it_must_be_installed(
    page: Page, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    assert page("find-node") == 0
    assert capsys.readouterr().out == ""


def serve(page: Page) -> subprocess.CompletedProcess[str]:
    """Serves in a process of its own, which becomes the server."""
    command = [str(Path(sys.executable).parent / "page"), "--folder", str(page.folder), "serve"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def install_vite(page: Page) -> None:
    vite = page.folder / "node_modules" / "vite" / "bin" / "vite.js"
    vite.parent.mkdir(parents=True)
    vite.touch()


def use_node(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    for name, script in (("node", NODE), ("npm", NPM)):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(folder), os.environ["PATH"])))
