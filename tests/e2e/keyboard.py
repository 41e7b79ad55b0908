"""Somebody who has a keyboard and nothing else."""

import re

from playwright.sync_api import Locator, Page

from tests.e2e.conftest import Visitor

MOST_TABS = 250


class Keyboard:
    """Walks a visitor's page by Tab, as somebody does who can't use a mouse."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor

    @property
    def page(self) -> Page:
        """The page that is open."""
        return self.visitor.page

    def go_to(self, wanted: Locator) -> None:
        """Press Tab until this has the focus, which has to be seen."""
        for _ in range(MOST_TABS):
            if wanted.evaluate("element => element === document.activeElement"):
                assert wanted.evaluate("element => element.matches(':focus-visible')"), "nobody sees where the focus is"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{self.page.url}: Tab never reaches {wanted}")

    def press(self, name: str | re.Pattern[str], *, role: str = "button") -> Page:
        """Press Enter on the button or link of this name."""
        return self.enter(self.page.get_by_role(role, name=name).first)  # type: ignore[arg-type]

    def enter(self, wanted: Locator) -> Page:
        """Press Enter on this."""
        self.go_to(wanted)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.visitor.inspect()
        return self.page

    def unfold(self, summary: str) -> None:
        """Open what is folded away under these words."""
        self.go_to(self.page.locator("summary", has_text=summary))
        self.page.keyboard.press("Enter")

    def write(self, label: str, words: str) -> None:
        """Write into the field of this label, in place of what is there."""
        self.go_to(self.page.get_by_label(label).first)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(words)

    def tick(self, box: Locator) -> None:
        """Tick a box, or take the tick away."""
        self.go_to(box)
        self.page.keyboard.press("Space")
