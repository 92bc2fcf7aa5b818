from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy/src/deploy/drills/publish_corrupt.py"
TRAINER = ROOT / ".nox/env_trainer/bin/python"
GOOD = ROOT / "tests/contract/golden/model/good"

pytestmark = pytest.mark.skipif(not TRAINER.exists(), reason="./noxw -s env_trainer installs it")


def publish_corrupt(model_dir: Path) -> subprocess.CompletedProcess[str]:
    names = {"MODEL_DIR": str(model_dir), "MODEL_NAME": "golden", "TRAINER_COMMAND": "it"}
    return subprocess.run(
        [TRAINER, "-c", SCRIPT.read_text()],
        env=os.environ | names,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_bytes()))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    shutil.copytree(GOOD, tmp_path / "model")
    return tmp_path / "model"


def test_half_a_model_becomes_current_and_all_else_is_the_good_one_s(repository: Path) -> None:
    folder = repository / "golden"
    good = read(folder / "current.json")["version"]
    answer = publish_corrupt(repository)
    assert answer.returncode == 0, answer.stderr
    assert f"it rollback {good} --model-name golden" in answer.stderr
    bad = read(folder / "current.json")["version"]
    assert bad == good + 1
    size = (folder / f"{good}/model.onnx").stat().st_size
    assert (folder / f"{bad}/model.onnx").stat().st_size == size // 2
    before, after = (read(folder / f"{each}/manifest.json") for each in (good, bad))
    assert before["training"]["fingerprint"] != after["training"]["fingerprint"]
    assert {**before["files"], "model.onnx": None} == {**after["files"], "model.onnx": None}


def test_a_second_drill_is_made_of_the_good_version_too(repository: Path) -> None:
    publish_corrupt(repository)
    answer = publish_corrupt(repository)
    folder = repository / "golden"
    last = read(folder / "current.json")["version"]
    models = [(folder / f"{each}/model.onnx").read_bytes() for each in (last - 1, last)]
    assert models[0] == models[1]
    assert f"it rollback {last - 2} --model-name golden" in answer.stderr


def test_without_a_model_nothing_is_published(tmp_path: Path) -> None:
    answer = publish_corrupt(tmp_path)
    assert answer.returncode == 2
    assert "nothing is published yet" in answer.stderr
    assert not list(tmp_path.iterdir())
