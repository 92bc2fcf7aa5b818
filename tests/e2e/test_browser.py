"""The page as its users meet it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped] # it has none
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import FilePayload, Locator, Page

    from browsing import Faults
    from samples import Sample

    Visit = Callable[..., Page]

# Makes a DataTransfer as a drop or a paste would bring it; an event's own cannot be made outside.
TRANSFER = """files => {
    const transfer = new DataTransfer();
    for (const {name, bytes} of files) {
        transfer.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
    }
    return transfer;
}"""
PASTE = """transfer => document.body.dispatchEvent(
    new ClipboardEvent("paste", {clipboardData: transfer, bubbles: true, cancelable: true})
)"""
OUTLINES = """element => [element, element.parentElement].map(
    (each) => getComputedStyle(each).outlineStyle
)"""
LONG_NAME = f"{'a_very_long_name' * 8}.png"


def test_the_model_is_told_about(visit: Visit, manifest: dict[str, Any]) -> None:
    page = visit()
    facts = page.get_by_role("region", name="About the model")
    expect(facts).to_contain_text(f"{manifest['name']}, version {manifest['version']}")
    expect(facts).to_contain_text(", ".join(manifest["labels"][:30]))
    expect(facts).to_contain_text(f"{manifest['dataset']['train']:,} to learn from")
    shown = re.search(r"([\d.]+)% on ", facts.inner_text())
    assert shown
    assert float(shown[1]) == pytest.approx(100 * manifest["metrics"]["accuracy"], abs=0.1)


def test_a_sample_is_classified(visit: Visit, sample: Sample) -> None:
    page = visit()
    sample_button(page, sample).click()
    card = cards(page).first
    expect(card).to_contain_text(f"Right: it is “{sample.label}”.")
    guesses = card.get_by_role("list").get_by_role("listitem")
    expect(guesses.first).to_contain_text(sample.label)
    expect(guesses.first).to_contain_text("%")
    bars = card.locator("svg rect")
    expect(bars).to_have_count(guesses.count())
    expect(bars.first).to_be_visible()
    widths = [float(bar.get_attribute("width") or "nan") for bar in bars.all()]
    assert widths == sorted(widths, reverse=True)
    assert 0 < widths[0] <= 100


def test_several_files_are_chosen(visit: Visit, sample: Sample) -> None:
    page = visit()
    chooser(page).set_input_files(files(sample, "one.png", "two.png", "three.png"))
    expect_answers(page, sample, ["three.png", "two.png", "one.png"])


def test_files_are_dropped(visit: Visit, sample: Sample) -> None:
    page = visit()
    transfer = page.evaluate_handle(TRANSFER, contents(sample, "one.png", "two.png"))
    page.dispatch_event("h1", "dragover", {"dataTransfer": transfer})
    expect(page.get_by_text("Let go to classify")).to_be_visible()
    page.dispatch_event("h1", "drop", {"dataTransfer": transfer})
    expect_answers(page, sample, ["two.png", "one.png"])


def test_a_picture_is_pasted(visit: Visit, sample: Sample) -> None:
    page = visit()
    page.evaluate(PASTE, page.evaluate_handle(TRANSFER, contents(sample, "one.png")))
    expect_answers(page, sample, ["one.png"])


def test_a_text_file_gets_words(visit: Visit, sample: Sample, faults: Faults) -> None:
    page = visit()
    text: FilePayload = {"name": "text.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    chooser(page).set_input_files([text, *files(sample, "good.png")])
    bad = cards(page).filter(has_text="text.jpg")
    expect(bad).to_contain_text("This is not a picture that can be read.")
    good = cards(page).filter(has_text="good.png")
    expect(good.get_by_role("listitem").first).to_contain_text(sample.label)
    faults.expect("the server responded with a status of 400")


def test_results_are_announced_and_cleared(visit: Visit, sample: Sample) -> None:
    page = visit()
    sample_button(page, sample).click()
    expect(page.get_by_role("status").last).to_contain_text(f"{sample.name}: {sample.label}, ")
    page.get_by_role("button", name="Clear results").click()
    expect(cards(page)).to_have_count(0)
    expect(chooser(page)).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Visit, sample: Sample, scheme: str, faults: Faults) -> None:
    page = visit(color_scheme=scheme)
    assert violations(page) == []
    sample_button(page, sample).click()
    text: FilePayload = {"name": "text.jpg", "mimeType": "image/jpeg", "buffer": b"no picture"}
    chooser(page).set_input_files([text])
    expect(cards(page).first).to_contain_text("This is not a picture that can be read.")
    expect(cards(page).last).to_contain_text("Right: ")
    assert violations(page) == []
    faults.expect("the server responded with a status of 400")


def test_the_schemes_differ(visit: Visit) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = (visit(color_scheme=scheme).evaluate(paper) for scheme in ("light", "dark"))
    assert light != dark


def test_the_keyboard_is_enough(visit: Visit, sample: Sample) -> None:
    page = visit()
    page.on("filechooser", lambda _: None)  # the browser has no time to get ready for it later
    tab_to(page, chooser(page))
    with page.expect_file_chooser() as opened:
        page.keyboard.press("Space")
    opened.value.set_files(files(sample, "one.png"))
    expect_answers(page, sample, ["one.png"])
    tab_to(page, sample_button(page, sample))
    page.keyboard.press("Enter")
    expect_answers(page, sample, [sample.name, "one.png"])


@pytest.mark.parametrize("width", [320, 480, 1920])
def test_nothing_scrolls_sideways(visit: Visit, sample: Sample, width: int) -> None:
    page = visit(viewport={"width": width, "height": 640})
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) == 0
    chooser(page).set_input_files(files(sample, LONG_NAME))
    expect_answers(page, sample, [LONG_NAME])
    assert page.evaluate(overflow) == 0


def test_loading_again_needs_the_server_only_for_what_may_change(visit: Visit) -> None:
    page = visit()
    sizes = "performance.getEntriesByType('resource').filter(each => each.transferSize > 0)"
    page.reload()
    page.get_by_role("heading", name="About the model").wait_for()
    asked = page.evaluate(f"{sizes}.map(each => each.name)")
    assert [name for name in asked if "/assets/" in name] == []


def chooser(page: Page) -> Locator:
    return page.get_by_label("Choose pictures")


def sample_button(page: Page, sample: Sample) -> Locator:
    return page.get_by_role("button", name=f"Sample {sample.number}: {sample.label}", exact=True)


def cards(page: Page) -> Locator:
    results = page.get_by_role("region", name="Results")
    return results.get_by_role("listitem").filter(has=page.get_by_role("heading", level=3))


def expect_answers(page: Page, sample: Sample, names: list[str]) -> None:
    """All of these are the sample's picture, and have its answer."""
    expect(cards(page).get_by_role("heading")).to_have_text(names)
    for card in cards(page).all():
        expect(card.get_by_role("listitem").first).to_contain_text(sample.label)
        expect(card.get_by_role("listitem").first).to_contain_text("%")


def files(sample: Sample, *names: str) -> list[FilePayload]:
    return [{"name": name, "mimeType": "image/png", "buffer": sample.content} for name in names]


def contents(sample: Sample, *names: str) -> list[dict[str, object]]:
    return [{"name": name, "bytes": list(sample.content)} for name in names]


def tab_to(page: Page, target: Locator) -> None:
    """Presses Tab until the target has the focus, which must then be seen."""
    for _ in range(100):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            assert target.evaluate(OUTLINES) != ["none", "none"]
            return
    raise AssertionError("the keyboard does not get there")


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {[node['html'] for node in each['nodes']]}" for each in found]
