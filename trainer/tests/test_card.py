from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from trainer.card import Facts, Quantization, write_card
from trainer.dataset import Dataset, Example
from trainer.evaluation import ClassScore, Evaluation
from trainer.options import Options
from trainer.runs import Outcome

OUTCOME = Outcome(3, 2, 61.4, "CPU", "2026-01-31T12:00:00Z")
FACTS = Facts("colours", 12345, OUTCOME, 0.5, 1.25, 2e-7)


QUANTIZED = Quantization("int8", 0.995, 200, 0.031, 2_000_000, 600_000)


def card(
    label: str = "cat",
    source: str = "pets",
    attribution: str = "me, CC BY 4.0",
    facts: Facts = FACTS,
) -> str:
    example = Example("a.png", label, "0" * 64)
    dataset = Dataset(
        name="pets",
        folder=Path("pets"),
        sha256="f" * 64,
        classes=(label, "zebra"),
        train=(example,) * 7,
        val=(example,) * 2,
        test=(example,) * 3,
        source=source,
        attribution=attribution,
        created="2026-01-31T12:00:00Z",
        dropped={"unreadable": 1, "copy": 4},
        warnings=(),
    )
    scores = (ClassScore(label, 0.75, 0.5, 2), ClassScore("zebra", 0.0, 1.0, 1))
    evaluation = Evaluation(2 / 3, 0.043, np.eye(2, dtype=np.int64), scores)
    return write_card(dataset, Options(32, 60), evaluation, facts)


@pytest.mark.parametrize(
    "told",
    [
        "# colours\n",
        "12,345 parameters that tells 2 classes",
        "From pets: 7 images to train, 2 to validate, 3 to test",
        "; 5 dropped as",
        f"`{'f' * 64}`",
        "Attribution: me, CC BY 4.0\n",
        "Accuracy 66.67% on the 3 test images, 50.00% on the validation",
        "error 4.30% after temperature scaling by 1.25",
        "within 2e-07 of Keras'",
        "| cat | 75.0% | 50.0% | 2 |\n| zebra | 0.0% | 100.0% | 1 |",
        "![Confusion matrix](confusion.png)",
        "3 epochs of at most 60 in 61 s on CPU, the best being epoch 2",
        "augmentation `photo`, seed 0",
    ],
)
def test_tells_the_facts(told: str) -> None:
    assert told in card()


@pytest.mark.parametrize(
    "told",
    [
        "probabilities as floats are within 2e-07 of Keras'",
        "## Quantisation\n\nThe weights and",
        "`int8`: 600,000 bytes, where the float model has 2,000,000",
        "same top class for 99.50% of 200 validation images; probabilities differ by up to 0.03",
        "The results above are the quantised model's",
    ],
)
def test_tells_that_a_model_is_quantised(told: str) -> None:
    assert told in card(facts=replace(FACTS, quantization=QUANTIZED))
    assert told not in card()


def test_no_attribution_is_no_line() -> None:
    assert "Attribution" not in card(attribution="")


@pytest.mark.parametrize("place", ["label", "source", "attribution"])
@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("<script>alert(1)</script>", r"\<script\>alert(1)\</script\>"),
        ("![x](http://example.org)", r"\!\[x\](http://example.org)"),
        ("a | b", r"a \| b"),
        ("`*_#~&lt;$", r"\`\*\_\#\~\&lt;\$"),
        ("a\n\n# b\r\t c", r"a \# b c"),
        ("back\\", r"back\\"),
    ],
)
def test_markup_in_text_from_outside_is_escaped(place: str, text: str, escaped: str) -> None:
    def with_text(inserted: str) -> str:
        inserts: dict[str, Any] = {place: inserted}
        return card(**inserts)

    plain, marked = with_text("PLAIN"), with_text(text)
    assert "PLAIN" in plain
    assert marked == plain.replace("PLAIN", escaped)
