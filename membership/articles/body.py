"""An article's body as a row of blocks: what is taken out of it (pictures, "Read more") and what stays."""

import html
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

from membership.articles.imported_article import ReadMore, is_address, one_line
from membership.articles.sanitising import INLINE, PICTURE, clean_html

VOID = frozenset({"br", "hr", PICTURE})
READ_MORE = frozenset(
    (
        "read more|read also|also read|see also|more on this|related|related stories|related articles"
        "|читайте також|читати також|читайте більше|більше за темою|за темою|дивіться також"
    ).split("|"),
)


@dataclass
class Block:
    """One element at the top level, or a run of text and inline elements (tag "")."""

    tag: str
    html: str = ""
    text: str = ""
    pictures: int = 0
    items: list[ReadMore] = field(default_factory=list)  # of a list: each item's words and its first link


@dataclass(frozen=True)
class Body:
    """A clean body, the links that stood at its end, and what was left out."""

    html: str
    read_more: tuple[ReadMore, ...]
    left_out: Counter[str]


def make_body(markup: str, *, base_url: str | None = None, takes_read_more: bool = False) -> Body:
    """Clean somebody's HTML and take pictures out of it, and the "Read more" heading with its list if wanted."""
    blocks = split(clean_html(markup, base_url=base_url))
    left_out = Counter(pictures=sum(block.pictures for block in blocks))
    blocks = [block for block in blocks if not block.pictures or block.tag != "figure"]
    links: list[ReadMore] = []
    if takes_read_more:
        blocks, links = _without_read_more(blocks)
    kept = [_shown(block) for block in blocks if one_line(block.text) or block.tag == "hr"]
    return Body("\n".join(kept), tuple(links), +left_out)


def split(clean: str) -> list[Block]:
    """Split clean, well-formed HTML into its top-level blocks."""
    splitter = _Splitter()
    splitter.feed(clean)
    splitter.close()
    return splitter.blocks


def _shown(block: Block) -> str:
    if block.tag == "":
        return f"<p>{block.html.strip()}</p>"
    if block.tag == "table" or (
        block.tag == "figure" and "<table" in block.html
    ):  # wider than a phone: it scrolls by itself, by keyboard too
        return f'<div class="table-scroll" tabindex="0">{block.html}</div>'
    return block.html


def _without_read_more(blocks: Sequence[Block]) -> tuple[list[Block], list[ReadMore]]:
    blocks = [block for block in blocks if one_line(block.text)]
    gone: set[int] = set()
    links: list[ReadMore] = []
    for place, (heading, listing) in enumerate(pairwise(blocks)):
        says_so = re.sub(r"[\s:.…–—-]+$", "", one_line(heading.text)).casefold() in READ_MORE
        if says_so and listing.tag in ("ul", "ol") and listing.items:
            gone |= {place, place + 1}
            links += listing.items
    return [block for place, block in enumerate(blocks) if place not in gone], links


class _Splitter(HTMLParser):
    """Follows the depth of well-formed HTML; needs clean_html() first."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.blocks: list[Block] = []
        self._open: list[str] = []
        self._address: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == PICTURE:
            self._block("").pictures += 1
            return
        block = self._block(tag)
        if tag == "li" and self._open in (["ul"], ["ol"]):
            block.items.append(ReadMore(""))
        if tag == "a" and block.items and block.items[-1].url is None:
            address = dict(attrs).get("href") or ""
            block.items[-1] = ReadMore(block.items[-1].label, address if is_address(address) else None)
        block.html += self.get_starttag_text() or ""
        if tag in VOID:
            block.text += " "
        else:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID and tag in self._open:
            block = self._block(tag)
            self._open.pop()
            block.html += f"</{tag}>"
            if tag not in INLINE:
                block.text += " "
            if not self._open:
                block.items = [ReadMore(one_line(item.label), item.url) for item in block.items if one_line(item.label)]

    def handle_data(self, data: str) -> None:
        self._write(data, data)

    def handle_entityref(self, name: str) -> None:
        self._write(f"&{name};", html.unescape(f"&{name};"))

    def handle_charref(self, name: str) -> None:
        self._write(f"&#{name};", html.unescape(f"&#{name};"))

    def _write(self, markup: str, text: str) -> None:
        block = self._block("")
        block.html += markup
        block.text += text
        if block.items:
            last = block.items[-1]
            block.items[-1] = ReadMore(last.label + text, last.url)

    def _block(self, tag: str) -> Block:
        """Return the block that is being read: a new one at the top level, unless inline content goes on."""
        is_inline = not tag or tag in INLINE
        if not self._open and not (is_inline and self.blocks and self.blocks[-1].tag == ""):
            self.blocks.append(Block("" if is_inline else tag))
        return self.blocks[-1]
