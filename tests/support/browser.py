"""Chromium as it is installed, driven by Playwright, and what is asked of a page beside its words."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from penchant.errors import Misconfigured
from tests.conftest import missing
from tests.support.waiting import slowness, until

SCREENSHOTS = Path(".cache/screenshots")
_PATIENCE_S = 15.0
_SERIOUS = {"serious", "critical"}
# To the end of what moves now; what waits goes round for ever.
_FINISH = """() => document.getAnimations()
  .filter((each) => each.effect.getComputedTiming().endTime !== Infinity)
  .forEach((each) => each.finish())"""
_AXE = "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"


@dataclass
class Opened:
    """A page in a browser of its own, and what its console said that nobody likes."""

    page: Any
    complaints: list[str] = field(default_factory=list)

    def hear(self, kind: str, words: str) -> None:
        """What the console says."""
        if kind in {"error", "warning"}:
            self.complaints.append(words)

    def at(self, selector: str) -> Any:
        return self.page.locator(selector)

    def until(self, expression: str, given: object = None) -> None:
        """Wait until JavaScript is true of the page; Playwright's own way is what the page's policy forbids."""
        assert until(lambda: bool(self.page.evaluate(expression, given)), _PATIENCE_S), (expression, self.complaints)

    def titles(self) -> list[str]:
        """Of the list."""
        found: list[str] = self.at("#list h3").all_inner_texts()
        return found

    def inaccessible(self) -> list[str]:
        """What axe-core calls serious or critical: rule, elements. Nothing moves meanwhile, as what fades has none."""
        self.page.emulate_media(reduced_motion="reduce")
        self.page.evaluate(_FINISH)
        self.page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8"))
        found = [each for each in self.page.evaluate(_AXE) if each["impact"] in _SERIOUS]
        self.page.emulate_media(reduced_motion="no-preference")
        return [f"{each['id']}: {[node['target'] for node in each['nodes']][:5]}" for each in found]

    def keep(self, name: str) -> None:
        """A screenshot, for people to look at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


@contextmanager
def chromium() -> Iterator[Any]:
    """Started; the test is skipped where something is missing, and fails where CI runs."""
    try:
        import axe_playwright_python  # noqa: F401
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing(Misconfigured("no Playwright here: pip install -c constraints.txt -e '.[browser]'"))
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if found is None:
        missing(Misconfigured("no Chromium here (Debian: apt-get install chromium)"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(browser: Any, address: str, **look: Any) -> Iterator[Opened]:
    """Open an address with a fresh browser's memory. look: Playwright's options of a context."""
    options = {"viewport": {"width": 1440, "height": 1000}, "locale": "en-US", "color_scheme": "light", **look}
    context = browser.new_context(**options)
    context.set_default_timeout(1000 * _PATIENCE_S * slowness())
    made = Opened(context.new_page())
    made.page.on("console", lambda said: made.hear(said.type, said.text))
    made.page.on("pageerror", lambda error: made.complaints.append(str(error)))
    try:
        made.page.goto(address)
        yield made
    finally:
        context.close()
