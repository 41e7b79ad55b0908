"""Reads the published posts of a WordPress export (WXR)."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from defusedxml import DefusedXmlException, ElementTree

from membership.articles.body import make_body
from membership.articles.imported_article import BrokenFile, Fault, FileContent, ImportedArticle, check, one_line
from membership.articles.sanitising import BLOCKS, plain_text

MAX_BYTES = 32 * 1024 * 1024
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
NO_DATE = "0000-00-00 00:00:00"
# Pieces of WordPress that stand for pictures and players; with their caption.
SHORTCODES = re.compile(r"\[(caption|gallery|audio|video|playlist|embed)\b[^\]]*\](?:(?:(?!\[\1\b).)*?\[/\1\])?", re.DOTALL)


@dataclass(frozen=True)
class Channel:
    """What all items of one export share."""

    wp: str  # the export version's namespace, in braces
    source: str
    base_url: str
    language: str
    authors: Mapping[str, str]


def read_wordpress(data: bytes, *, language: str | None = None) -> FileContent:
    """Read the published posts; language stands above what the site says of itself. Raises BrokenFile."""
    root = _parse(data)
    channel, items = _channel(root, language), root.findall("channel/item")
    left_out: Counter[str] = Counter()
    articles: list[ImportedArticle] = []
    faults: list[Fault] = []
    for place, item in enumerate(items, start=1):
        kind = _left_out_as(item, channel)
        if kind:
            left_out[kind] += 1
            continue
        try:
            article, dropped = _article(item, channel, place)
        except BrokenFile as broken:
            faults += broken.faults
        else:
            articles.append(article)
            left_out += dropped
    if faults:
        raise BrokenFile(*faults)
    check(tuple(articles))
    return FileContent(tuple(articles), left_out)


def _parse(data: bytes) -> Any:
    try:
        root = ElementTree.fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise BrokenFile(Fault("the file", "it declares entities or a document type, which no export of WordPress does")) from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BrokenFile(Fault("the file", f"it is no well-formed XML: {one_line(str(error))[:200]}")) from error
    if root.tag != "rss" or root.find("channel") is None:
        raise BrokenFile(Fault("the file", f"it is no WordPress export: its root is <{root.tag[:60]}>"))
    return root


def _channel(root: Any, language: str | None) -> Channel:
    channel = root.find("channel")
    version = next((child for child in channel if child.tag.endswith("}wxr_version")), None)
    if version is None:
        raise BrokenFile(Fault("the file", "it is no WordPress export: it names no wxr_version"))
    wp = version.tag.removesuffix("wxr_version")
    base_url = _text(channel, f"{wp}base_blog_url") or _text(channel, f"{wp}base_site_url") or _text(channel, "link")
    authors = {_text(each, f"{wp}author_login"): _text(each, f"{wp}author_display_name") for each in channel.findall(f"{wp}author")}
    named = _text(channel, "language")
    return Channel(wp, f"wordpress:{urlsplit(base_url).hostname or ''}", base_url, language or _short(named), authors)


def _left_out_as(item: Any, channel: Channel) -> str | None:
    """Return what an item is counted as if it is no published post, else None."""
    post_type, status = _text(item, f"{channel.wp}post_type"), _text(item, f"{channel.wp}status")
    if post_type != "post":
        return {"attachment": "attachments", "page": "pages"}.get(post_type, "other items")
    if status != "publish":
        return {"draft": "drafts", "auto-draft": "drafts", "private": "private posts", "trash": "deleted posts"}.get(
            status,
            "unpublished posts",
        )
    return "posts with a password" if _text(item, f"{channel.wp}post_password") else None


def _article(item: Any, channel: Channel, place: int) -> tuple[ImportedArticle, Counter[str]]:
    wp = channel.wp
    headline = plain_text(_text(item, "title"))
    name = headline[:80] or f"item {place}"
    post_id = _text(item, f"{wp}post_id")
    if not post_id.isdecimal():
        raise BrokenFile(Fault(name, "it has no post_id"))
    body = make_body(_paragraphs(_text(item, CONTENT)), base_url=channel.base_url, takes_read_more=True)
    creator = _text(item, CREATOR)
    categories = [each for each in item.findall("category") if each.get("domain") in ("category", "post_tag")]
    article = ImportedArticle(
        source=channel.source,
        source_id=post_id,
        slug=unquote(_text(item, f"{wp}post_name")),
        language=_language(item, channel),
        headline=headline,
        standfirst=plain_text(_excerpt(item)),
        byline=one_line(channel.authors.get(creator) or creator),
        body_html=body.html,
        published_at=_published_at(item, wp, name),
        tags=tuple(dict.fromkeys(filter(None, (plain_text(each.text or "") for each in categories)))),
        read_more=body.read_more,
    )
    return article, body.left_out


def _text(element: Any, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _excerpt(item: Any) -> str:
    # Its namespace carries the export's version, like wp's.
    found = next((child for child in item if child.tag.endswith("/excerpt/}encoded")), None)
    return "" if found is None else found.text or ""


def _language(item: Any, channel: Channel) -> str:
    """Return the post's language: as a translation plug-in notes it, else the site's."""
    noted = next((each.get("nicename") or "" for each in item.findall("category") if each.get("domain") == "language"), "")
    return _short(noted) or channel.language


def _short(language: str) -> str:
    return language.replace("_", "-").partition("-")[0].lower()


def _published_at(item: Any, wp: str, name: str) -> datetime:
    """Return the date in GMT; the feed's own date where WordPress left that empty."""
    in_gmt = _text(item, f"{wp}post_date_gmt")
    try:
        if in_gmt and in_gmt != NO_DATE:
            return datetime.strptime(in_gmt, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
        published_at = parsedate_to_datetime(_text(item, "pubDate"))
    except ValueError as error:
        raise BrokenFile(Fault(name, "it has no date in GMT that can be read")) from error
    return published_at if published_at.tzinfo else published_at.replace(tzinfo=UTC)


def _paragraphs(content: str) -> str:
    """Return the content as HTML: the classic editor keeps paragraphs as empty lines."""
    content = SHORTCODES.sub("", content.replace("\r\n", "\n"))
    if "<!-- wp:" in content:
        return content
    pieces = re.split(r"(<pre\b.*?</pre>)", content, flags=re.DOTALL | re.IGNORECASE)
    return "".join(piece if piece[:4].lower() == "<pre" else _wrapped(piece) for piece in pieces)


def _wrapped(text: str) -> str:
    begins_a_block = re.compile(rf"\s*</?(?:{'|'.join(sorted(BLOCKS))}|li|div|section)\b", re.IGNORECASE)
    chunks = [chunk for chunk in re.split(r"\n\s*\n", text) if chunk.strip()]
    lines = (chunk if begins_a_block.match(chunk) else f"<p>{chunk.strip()}</p>".replace("\n", "<br>\n") for chunk in chunks)
    return "\n".join(lines)
