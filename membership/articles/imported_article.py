"""One article as a newsroom's file gives it: the same whatever kind of file it came from."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

LANGUAGES = ("en", "uk")
YEARS = range(1900, 2101)
MAX_BODY_LENGTH = 500_000
MAX_TAGS = 50
MAX_LINKS = 50
LONGEST = {"title": 300, "standfirst": 1_000, "byline": 200, "slug": 200}


class Fault(NamedTuple):
    """What is wrong with which item of a file."""

    item: str
    reason: str


class BrokenFile(Exception):
    """A file that is refused whole; it carries every fault that was found."""

    def __init__(self, *faults: Fault) -> None:
        text = "; ".join(f"{fault.item}: {fault.reason}" for fault in faults)
        super().__init__(text)
        self.faults = faults


@dataclass(frozen=True)
class ReadMore:
    """One link below an article; without an address it is only named."""

    label: str
    url: str | None = None


@dataclass(frozen=True)
class ImportedArticle:
    """One article to take in; body_html is clean already, published_at is aware."""

    source: str
    source_id: str
    slug: str
    language: str
    headline: str
    body_html: str
    published_at: datetime
    standfirst: str = ""
    byline: str = ""
    tags: tuple[str, ...] = ()
    read_more: tuple[ReadMore, ...] = ()
    calm: bool = False


@dataclass(frozen=True)
class FileContent:
    """What a file holds: its articles, and how many things of which kind were left out."""

    articles: tuple[ImportedArticle, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


def one_line(text: str) -> str:
    """Return the text with every run of white space as one space."""
    return " ".join(text.split())


def check(articles: tuple[ImportedArticle, ...]) -> None:
    """Raise BrokenFile naming every fault of these articles of one file."""
    faults = [Fault(name_of(article), reason) for article in articles for reason in _faults_of(article)]
    for key in ("slug", "source_id"):
        seen: set[str] = set()
        for article in articles:
            value = getattr(article, key)
            if value in seen:
                faults.append(Fault(name_of(article), f"its {key.replace('_', ' ')} “{value}” is in this file twice"))
            seen.add(value)
    if faults:
        raise BrokenFile(*faults)


def name_of(article: ImportedArticle) -> str:
    """Return how a fault names this article."""
    return article.headline[:80] or article.slug[:80] or f"item {article.source_id}"


def _faults_of(article: ImportedArticle) -> Iterator[str]:
    texts = {"title": article.headline, "standfirst": article.standfirst, "byline": article.byline, "slug": article.slug}
    for name, text in texts.items():
        if len(text) > LONGEST[name]:
            yield f"its {name} is longer than {LONGEST[name]} characters"
        if is_unclean(text):
            yield f"its {name} holds a control character"
    if not article.headline:
        yield "it has no title"
    if not re.fullmatch(r"\w[\w-]*", article.slug):
        yield "it has no slug" if not article.slug else "its slug may hold letters, digits, hyphens and underscores only"
    if article.language not in LANGUAGES:
        yield f"its language “{article.language[:20]}” is not one of {', '.join(LANGUAGES)}"
    if article.published_at.year not in YEARS:
        yield f"its date is in the year {article.published_at.year}"
    yield from _faults_of_body(article)
    yield from _faults_of_lists(article)


def _faults_of_body(article: ImportedArticle) -> Iterator[str]:
    if not article.body_html:
        yield "it has no text"
    if len(article.body_html) > MAX_BODY_LENGTH:
        yield f"its text is longer than {MAX_BODY_LENGTH} characters"
    if is_unclean(article.body_html):
        yield "its text holds a control character"


def _faults_of_lists(article: ImportedArticle) -> Iterator[str]:
    if len(article.tags) > MAX_TAGS or any(not tag or len(tag) > 100 or is_unclean(tag) for tag in article.tags):
        yield f"its tags must be at most {MAX_TAGS}, each of 1 to 100 characters"
    links = article.read_more
    if len(links) > MAX_LINKS or any(not link.label or len(link.label) > 500 or is_unclean(link.label) for link in links):
        yield f"its “read more” links must be at most {MAX_LINKS}, each with a text of 1 to 500 characters"
    if any(link.url is not None and not is_address(link.url) for link in links):
        yield "a “read more” link does not begin with http:// or https://"


def is_address(url: str) -> bool:
    """Return whether a link may lead there: the open web, or a page of our own."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    ours = not parts.scheme and not parts.netloc and url.startswith("/")
    return (ours or (parts.scheme in ("http", "https") and bool(parts.hostname))) and len(url) <= 2_000 and not is_unclean(url)


def is_unclean(text: str) -> bool:
    """Return whether the text holds what one database takes and the other refuses: NUL, surrogates, control characters."""
    return any(unicodedata.category(character) in ("Cc", "Cs") and character not in "\n\t\r" for character in text)
