"""The page of `hf-bigru-asr demo`, open in a browser."""

from typing import TYPE_CHECKING, Self

from page_visits import PageVisit

if TYPE_CHECKING:
    from playwright.sync_api import Page


class DemoVisit(PageVisit):
    """The page of the command."""

    @classmethod
    def at(cls, address: str, page: "Page") -> Self:
        """Open it.

        Args:
            address: That the command gives.
            page: An empty page.
        """
        visit = cls(page, "#words .words button", "#words audio", "#file input[type=file]")
        page.goto(address)
        page.locator("#again").wait_for()
        return visit

    def upload(self, name: str, content: bytes) -> None:
        """Give the page a file in place of the one that it has."""
        if self.page.locator("#file button[aria-label='Clear']").count():
            self.page.locator("#file button[aria-label='Clear']").click()
        super().upload(name, content)
