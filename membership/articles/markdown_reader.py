"""Reads one article from Markdown with YAML front matter."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from markdown_it import MarkdownIt

from membership.articles.body import make_body
from membership.articles.imported_article import BrokenFile, Fault, FileContent, ImportedArticle, ReadMore, check, one_line

SOURCE = "markdown"
MAX_BYTES = 2 * 1024 * 1024
REQUIRED = ("title", "slug", "published_at", "language")
# An unknown key is refused rather than passed over: it may be somebody's way of saying "not yet".
KEYS = frozenset({*REQUIRED, "id", "standfirst", "byline", "tags", "read_more", "calm", "draft"})
FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)(.*)", re.DOTALL | re.MULTILINE)
# The preset lets raw HTML through unless it is told not to.
MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def read_markdown(data: bytes, *, zone: ZoneInfo) -> FileContent:
    """Read the file; a date without a time zone is in the newsroom's. Raises BrokenFile."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BrokenFile(Fault("the file", f"it is not UTF-8 (byte {error.start})")) from error
    match = FRONT_MATTER.match(text)
    if not match:
        raise BrokenFile(Fault("the file", "it does not begin with front matter between two lines of ---"))
    front = _load(match[1])
    item = one_line(str(front.get("title") or front.get("slug") or "the file"))[:80]
    faults = [Fault(item, reason) for reason in _faults_of(front)]
    if faults:
        raise BrokenFile(*faults)
    if front.get("draft"):
        return FileContent((), {"drafts": 1})
    body = make_body(MARKDOWN.render(match[2]))
    article = _article(front, body.html, zone=zone, item=item)
    check((article,))
    return FileContent((article,), body.left_out)


class _Loader(yaml.SafeLoader):
    """The safe loader without aliases (a few lines can stand for gigabytes) and without a key given twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it uses an alias (*)")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _value in node.value]
        if len(names) != len({str(name) for name in names}):
            raise yaml.YAMLError("a key is given twice")
        return super().construct_mapping(node, deep)


def _load(front_matter: str) -> dict[str, Any]:
    try:
        loaded = yaml.load(front_matter, Loader=_Loader)  # noqa: S506 (it is a SafeLoader)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        reason = one_line(str(error))[:200]
        raise BrokenFile(Fault("the file", f"its front matter can't be read: {reason or 'nested too deeply'}")) from error
    if not isinstance(loaded, dict):
        raise BrokenFile(Fault("the file", "its front matter is not a list of “key: value” lines"))
    return loaded


def _faults_of(front: Mapping[str, Any]) -> list[str]:
    unknown = sorted(str(key)[:40] for key in front if key not in KEYS)
    faults = [f"the key “{key}” is unknown" for key in unknown]
    faults += [f"it has no {name}" for name in REQUIRED if front.get(name) in (None, "")]
    for name in ("title", "slug", "language", "standfirst", "byline"):
        if not isinstance(front.get(name), str | None):
            faults.append(f"its {name} must be text: put it in quotation marks")
    if not isinstance(front.get("published_at"), str | date | None):
        faults.append("its published_at must be a date such as 2026-03-22T08:00:00+02:00")
    faults += [f"its {name} must be true or false" for name in ("calm", "draft") if not isinstance(front.get(name, False), bool)]
    if not _is_list_of(front.get("tags"), str | int):
        faults.append("its tags must be a list of words")
    if not _is_list_of(front.get("read_more"), str | dict):
        faults.append("its read_more must be a list of headlines or of {label, url}")
    return faults


def _is_list_of(value: Any, kind: Any) -> bool:
    return value is None or (isinstance(value, list) and all(isinstance(each, kind) for each in value))


def _article(front: Mapping[str, Any], body_html: str, *, zone: ZoneInfo, item: str) -> ImportedArticle:
    try:
        published_at = _instant(front["published_at"], zone)
    except ValueError as error:
        raise BrokenFile(Fault(item, "its published_at is no date: write it as 2026-03-22T08:00:00+02:00")) from error
    return ImportedArticle(
        source=SOURCE,
        source_id=str(front.get("id") or front["slug"]),
        slug=front["slug"],
        language=front["language"],
        headline=one_line(front["title"]),
        standfirst=one_line(front.get("standfirst") or ""),
        byline=one_line(front.get("byline") or ""),
        body_html=body_html,
        published_at=published_at,
        tags=tuple(dict.fromkeys(one_line(str(tag)) for tag in front.get("tags") or [])),
        read_more=tuple(_link(each) for each in front.get("read_more") or []),
        calm=front.get("calm", False),
    )


def _link(given: str | dict[str, Any]) -> ReadMore:
    if isinstance(given, str):
        return ReadMore(one_line(given))
    url = given.get("url")
    return ReadMore(one_line(str(given.get("label") or "")), str(url) if url else None)


def _instant(value: str | date, zone: ZoneInfo) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value.strip())
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value if value.tzinfo else value.replace(tzinfo=zone)
