"""The newsroom's texts as the repository brings them, and how a text becomes a page. Pure."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from membership.articles.markdown_reader import MARKDOWN
from membership.articles.sanitising import clean_html

FOLDER = Path(__file__).with_name("texts")
KEYS = ("terms", "privacy", "refunds", "imprint")
PLACEHOLDER = re.compile(r"\{([A-Z_]+)\}")
MEANS_SOMETHING_IN_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+.!<>|~&-])")


@cache
def draft(key: str, language: str) -> str:
    """Return the Markdown that a newsroom begins with."""
    return (FOLDER / f"{key}.{language}.md").read_text(encoding="utf-8")


def render(markdown: str, facts: Mapping[str, str]) -> str:
    """Return the text as HTML that may stand on our pages; {NAME} becomes the fact of that name, as it is written there."""

    def fact(match: re.Match[str]) -> str:
        return _escaped(facts[match[1]]) if match[1] in facts else match[0]

    return clean_html(MARKDOWN.render(PLACEHOLDER.sub(fact, markdown)))


def _escaped(value: str) -> str:
    one_line = " ".join(value.split())
    return MEANS_SOMETHING_IN_MARKDOWN.sub(r"\\\1", one_line) or "…"
