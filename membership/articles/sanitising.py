"""What of somebody's HTML may stand on our pages: an allow-list, applied once, when it comes in."""

import html
import re
from urllib.parse import urlsplit

import nh3

from membership.articles.imported_article import one_line

BLOCKS = frozenset("p h1 h2 h3 h4 h5 h6 ul ol dl blockquote pre table figure hr".split())
INLINE = frozenset("a abbr b br cite code del em i ins mark q s small strong sub sup time".split())
PARTS = frozenset("li dt dd thead tbody tfoot tr th td caption figcaption".split())
# A picture is let through to be counted and taken out again, together with its caption.
PICTURE = "img"
ATTRIBUTES = {
    "*": {"lang", "dir"},
    "a": {"href", "hreflang", "title"},
    "abbr": {"title"},
    "ol": {"start", "reversed"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "time": {"datetime"},
}
GONE_WITH_CONTENT = frozenset(
    "script style iframe object form noscript svg math template title textarea select button video audio".split()
)
# The page's own headline is its only h1.
DEMOTED = {"h1": "h2", "h5": "h4", "h6": "h4"}


def clean_html(markup: str, *, base_url: str | None = None) -> str:
    """Return only allowed elements and attributes, well-formed; relative links are resolved against base_url if it is given."""
    cleaned = nh3.clean(
        markup,
        tags=set(BLOCKS | INLINE | PARTS | {PICTURE}),
        clean_content_tags=set(GONE_WITH_CONTENT),
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        url_relative=("rewrite_with_base", base_url) if base_url and urlsplit(base_url).hostname else "pass_through",
        link_rel="noopener noreferrer",
    )
    # nh3 has escaped every other "<", so this meets tags only.
    return re.sub(r"(</?)(h[156])(?=[ >])", lambda match: match[1] + DEMOTED[match[2]], cleaned)


def plain_text(markup: str) -> str:
    """Return the words of a piece of HTML on one line."""
    return one_line(html.unescape(nh3.clean(markup, tags=set(), clean_content_tags={"script", "style"})))
