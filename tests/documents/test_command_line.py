"""The page of the command line is what the parsers say."""

from command_line_page import PAGE, build_page


def test_the_page_is_up_to_date() -> None:
    written = PAGE.read_text(encoding="utf-8")

    assert written == build_page(), "run: python tests/support/command_line_page.py"
