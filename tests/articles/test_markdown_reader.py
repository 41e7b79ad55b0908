"""Markdown with front matter is read whole, or refused with a reason."""

from collections import Counter
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from membership.articles.imported_article import BrokenFile, FileContent, ImportedArticle, ReadMore
from membership.articles.markdown_reader import read_markdown
from tests.articles.files import FILES, REAL, needs_real_input

KYIV = ZoneInfo("Europe/Kyiv")
GOOD = {"title": "A story", "slug": "a-story", "published_at": "2026-03-20T09:30:00+02:00", "language": "en"}


def read(front: str, body: str = "Text.") -> FileContent:
    return read_markdown(f"---\n{front}\n---\n{body}".encode(), zone=KYIV)


def front_with(**changes: str | None) -> str:
    values = {key: value for key, value in (GOOD | changes).items() if value is not None}
    return "\n".join(f"{key}: {value}" for key, value in values.items())


def reason_of(refused: pytest.ExceptionInfo[BrokenFile]) -> str:
    return str(refused.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"title": None}, "a-story: it has no title"),
        ({"title": '""'}, "it has no title"),
        ({"title": "2024"}, "its title must be text"),
        ({"title": "[a, b]"}, "its title must be text"),
        ({"title": "x" * 301}, "its title is longer than 300 characters"),
        ({"title": '"a\\0b"'}, "its title holds a control character"),
        ({"title": '"a\\ud800b"'}, "its title holds a control character"),
        ({"slug": None}, "A story: it has no slug"),
        ({"slug": "../../etc"}, "its slug may hold letters"),
        ({"slug": "a/b"}, "its slug may hold letters"),
        ({"slug": "a b"}, "its slug may hold letters"),
        ({"slug": "x" * 201}, "its slug is longer than 200"),
        ({"published_at": None}, "it has no published_at"),
        ({"published_at": "yesterday"}, "its published_at is no date"),
        ({"published_at": "2026-02-30T10:00:00Z"}, "day is out of range"),
        ({"published_at": "12"}, "its published_at must be a date"),
        ({"published_at": "0001-01-01"}, "its date is in the year 1"),
        ({"language": None}, "it has no language"),
        ({"language": "de"}, "its language “de” is not one of en, uk"),
        ({"language": "no"}, "its language must be text"),
        ({"standfirst": "0"}, "its standfirst must be text"),
        ({"published_at": "false"}, "its published_at must be a date"),
        ({"tags": "Water"}, "its tags must be a list"),
        ({"tags": "[[Water]]"}, "its tags must be a list"),
        ({"tags": "[" + "x," * 3 + "y" * 101 + "]"}, "its tags must be at most"),
        ({"read_more": "[{label: A, url: 'javascript:alert(1)'}]"}, "does not begin with http:// or https://"),
        ({"read_more": "[{url: 'https://a.example'}]"}, "each with a text"),
        ({"read_more": "[{label: A, url: '//a.example/x'}]"}, "does not begin with http:// or https://"),
        ({"calm": "maybe"}, "its calm must be true or false"),
        ({"embargo": "2026-04-01"}, "the key “embargo” is unknown"),
    ],
)
def test_a_fault_is_named_with_its_item(change: dict[str, str | None], reason: str) -> None:
    with pytest.raises(BrokenFile) as refused:
        read(front_with(**change))

    assert reason in reason_of(refused)


def test_every_fault_is_named_at_once() -> None:
    with pytest.raises(BrokenFile) as refused:
        read(front_with(slug=None, language="de", published_at=None))

    assert [fault.reason for fault in refused.value.faults] == ["it has no slug", "it has no published_at"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "front matter between two lines"),
        (b"Just text", "front matter between two lines"),
        (b"---\ntitle: x\n", "front matter between two lines"),
        (b"---\n- a\n- b\n---\nText", "not a list of"),
        (b"---\njust words\n---\nText", "not a list of"),
        (b"---\n---\nText", "not a list of"),
        (b"---\na: [1\n---\nText", "can't be read"),
        (b"---\ntitle: a\ntitle: b\n---\nText", "a key is given twice"),
        (b"---\ntitle: !!python/object/apply:os.system ['x']\n---\nText", "can't be read"),
        (b"---\na: " + b"[" * 5_000 + b"\n---\nText", "can't be read"),
        ("---\ntitle: Привіт\n---\n".encode("cp1251"), "it is not UTF-8"),
        (b"\xff\xfe---", "it is not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BrokenFile) as refused:
        read_markdown(data, zone=KYIV)

    assert reason in reason_of(refused)


def test_a_few_lines_that_stand_for_gigabytes_are_refused() -> None:
    lines = ['a: &a ["lol"]', *(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in ("ab", "bc", "cd", "de", "ef", "fg"))]

    with pytest.raises(BrokenFile, match="it uses an alias"):
        read("\n".join(lines))


@pytest.mark.parametrize("body", ["", "  \n\n", "![only a picture](x.jpg)", "<!-- a comment -->\n"])
def test_an_article_without_words_is_refused(body: str) -> None:
    if body.startswith("<!--"):  # raw HTML is shown as what it is: text
        assert "&lt;!--" in read(front_with(), body).articles[0].body_html
        return
    with pytest.raises(BrokenFile, match="it has no text"):
        read(front_with(), body)


def test_a_control_character_in_the_text_is_refused() -> None:
    with pytest.raises(BrokenFile, match="its text holds a control character"):
        read(front_with(), "Bell \x07")


def test_a_draft_is_left_out() -> None:
    assert read(front_with(draft="true")) == FileContent((), {"drafts": 1})


@pytest.mark.parametrize(
    ("written", "instant"),
    [
        ("2026-03-20T09:30:00+02:00", datetime(2026, 3, 20, 7, 30, tzinfo=UTC)),
        ("2026-03-20T07:30:00Z", datetime(2026, 3, 20, 7, 30, tzinfo=UTC)),
        ('"2026-03-20T09:30+02:00"', datetime(2026, 3, 20, 7, 30, tzinfo=UTC)),
        ("2026-03-20 09:30:00", datetime(2026, 3, 20, 7, 30, tzinfo=UTC)),
        ("2026-07-20 09:30:00", datetime(2026, 7, 20, 6, 30, tzinfo=UTC)),
        ("2026-03-20", datetime(2026, 3, 19, 22, 0, tzinfo=UTC)),
    ],
)
def test_a_date_without_a_zone_is_in_the_newsrooms(written: str, instant: datetime) -> None:
    assert read(front_with(published_at=written)).articles[0].published_at == instant


def test_a_whole_file_becomes_an_article() -> None:
    content = read_markdown((FILES / "market.md").read_bytes(), zone=KYIV)

    assert content.left_out == Counter(pictures=1)
    assert content.articles == (
        ImportedArticle(
            source="markdown",
            source_id="the-market-that-moved-indoors",
            slug="the-market-that-moved-indoors",
            language="en",
            headline="The market that moved indoors",
            standfirst="Forty stalls, one boiler room.",
            byline="Ada Reporter",
            published_at=datetime(2026, 3, 20, 7, 30, tzinfo=UTC),
            tags=("Markets", "heating"),
            read_more=(ReadMore("Who heats the town?"), ReadMore("The map", "https://gazette.example/map")),
            body_html=content.articles[0].body_html,
        ),
    )
    assert content.articles[0].body_html.split("\n") == [
        "<h2>Forty stalls</h2>",
        "<p>The <em>onions</em> came in at "
        '<a href="https://gazette.example/onions" title="a list" rel="noopener noreferrer">eight</a>.</p>',
        '<div class="table-scroll" tabindex="0"><table>',
        "<thead>",
        "<tr>",
        "<th>stall</th>",
        "<th>boiler</th>",
        "</tr>",
        "</thead>",
        "<tbody>",
        "<tr>",
        "<td>1</td>",
        "<td>yes</td>",
        "</tr>",
        "</tbody>",
        "</table></div>",
        "<p>&lt;script&gt;alert(1)&lt;/script&gt; and &lt;img src=x onerror=alert(2)&gt;</p>",
    ]


def test_windows_line_ends_and_a_byte_order_mark_make_no_difference() -> None:
    unix = (FILES / "market.md").read_bytes()

    windows = b"\xef\xbb\xbf" + unix.replace(b"\n", b"\r\n")

    assert read_markdown(windows, zone=KYIV) == read_markdown(unix, zone=KYIV)


def test_an_id_of_its_own_lets_an_article_change_its_slug() -> None:
    assert read(front_with(id="7")).articles[0].source_id == "7"


@needs_real_input
def test_the_real_article_is_read_whole() -> None:
    content = read_markdown((REAL / "article.md").read_bytes(), zone=KYIV)

    (article,) = content.articles
    assert (article.language, article.byline, article.tags, len(article.read_more)) == (
        "en",
        "Newsroom",
        ("Ukraine", "diplomacy"),
        3,
    )
    assert article.published_at == datetime(2024, 11, 20, 8, 30, tzinfo=UTC)
    assert article.body_html.count("<p>") == 13
