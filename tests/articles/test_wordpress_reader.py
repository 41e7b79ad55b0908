"""Of a WordPress export the published posts are read, or the file is refused with a reason."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from membership.articles.imported_article import BrokenFile, ImportedArticle, ReadMore
from membership.articles.markdown_reader import read_markdown
from membership.articles.wordpress_reader import read_wordpress
from tests.articles.files import FILES, REAL, needs_real_input
from tests.articles.test_markdown_reader import KYIV

EXPORT = (FILES / "export.xml").read_text(encoding="utf-8")


def changed(old: str, new: str) -> bytes:
    assert old in EXPORT
    return EXPORT.replace(old, new, 1).encode()


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("<wp:post_id>11</wp:post_id>", "", "The ferry & its captain: it has no post_id"),
        ("<wp:post_id>12</wp:post_id>", "<wp:post_id>11</wp:post_id>", "Пором: its source id “11” is in this file twice"),
        ("<wp:post_name><![CDATA[the-ferry]]></wp:post_name>", "", "The ferry & its captain: it has no slug"),
        ("%d0%bf%d0%be%d1%80%d0%be%d0%bc", "the-ferry", "Пором: its slug “the-ferry” is in this file twice"),
        ("%d0%bf%d0%be%d1%80%d0%be%d0%bc", "a%2Fb", "Пором: its slug may hold letters"),
        ("%d0%bf%d0%be%d1%80%d0%be%d0%bc", "%ff", "Пором: its slug may hold letters"),
        ("<title>Пором</title>", "<title></title>", "it has no title"),
        ("<![CDATA[2026-03-20 07:30:00]]>", "<![CDATA[20 March]]>", "The ferry & its captain: it has no date in GMT"),
        ("<pubDate>Thu, 19 Mar 2026 07:30:00 +0000</pubDate>", "", "Пором: it has no date in GMT"),
        ("<language>en-GB</language>", "<language>de-DE</language>", "The ferry & its captain: its language “de” is not one of"),
        ('nicename="uk"', 'nicename="pl"', "Пором: its language “pl” is not one of"),
    ],
)
def test_a_fault_is_named_with_its_item(old: str, new: str, reason: str) -> None:
    with pytest.raises(BrokenFile) as refused:
        read_wordpress(changed(old, new))

    assert reason in str(refused.value)


def test_a_post_without_words_is_refused() -> None:
    begin, end = EXPORT.index("Перший"), EXPORT.index("]]></content:encoded>\n<excerpt:encoded></excerpt")

    with pytest.raises(BrokenFile, match="Пором: it has no text"):
        read_wordpress((EXPORT[:begin] + EXPORT[end:]).encode())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is no well-formed XML"),
        (b"Just text", "it is no well-formed XML"),
        (EXPORT[: len(EXPORT) // 2].encode(), "it is no well-formed XML"),
        (EXPORT.encode().replace("Пором".encode(), b"\xff\xfe", 1), "it is no well-formed XML"),
        (EXPORT.replace('encoding="UTF-8"', 'encoding="klingon"').encode(), "it is no well-formed XML"),
        (b"<html><body>Log in</body></html>", "its root is <html>"),
        (b"<rss></rss>", "its root is <rss>"),
        (b"<rss><channel><title>A feed</title></channel></rss>", "it names no wxr_version"),
        (b'<!DOCTYPE rss [<!ENTITY a "x">]><rss><channel/></rss>', "it declares entities"),
        (b'<!DOCTYPE rss SYSTEM "file:///etc/passwd"><rss><channel/></rss>', "it declares entities"),
    ],
)
def test_a_file_that_is_no_export_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BrokenFile) as refused:
        read_wordpress(data)

    assert reason in str(refused.value)


def test_a_few_lines_that_stand_for_gigabytes_are_refused() -> None:
    entities = ['<!ENTITY a "lol">', *(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in ("ab", "bc", "cd", "de", "ef", "fg", "gh"))]
    bomb = f"<!DOCTYPE rss [{''.join(entities)}]>" + "<rss><channel><title>&h;</title></channel></rss>"

    with pytest.raises(BrokenFile, match="it declares entities"):
        read_wordpress(bomb.encode())


def test_every_fault_is_named_at_once() -> None:
    broken = EXPORT.replace("<wp:post_id>11</wp:post_id>", "").replace("Thu, 19 Mar 2026 07:30:00 +0000", "some day")

    with pytest.raises(BrokenFile) as refused:
        read_wordpress(broken.encode())

    assert [fault.item for fault in refused.value.faults] == ["The ferry & its captain", "Пором"]


def test_what_is_not_a_published_post_is_left_out_and_counted() -> None:
    content = read_wordpress(EXPORT.encode())

    assert content.left_out == Counter(
        {
            "drafts": 1,
            "unpublished posts": 1,
            "private posts": 1,
            "posts with a password": 1,
            "pages": 1,
            "attachments": 1,
            "other items": 1,
            "pictures": 1,
        },
    )
    assert [article.slug for article in content.articles] == ["the-ferry", "пором"]


def test_a_post_of_the_block_editor_becomes_an_article() -> None:
    assert read_wordpress(EXPORT.encode()).articles[0] == ImportedArticle(
        source="wordpress:gazette.example",
        source_id="11",
        slug="the-ferry",
        language="en",
        headline="The ferry & its captain",
        standfirst="Six crossings, one engine.",
        byline="Ada Reporter",
        published_at=datetime(2026, 3, 20, 7, 30, tzinfo=UTC),
        tags=("River & sea", "ferries"),
        read_more=(ReadMore("The pier", "https://gazette.example/pier/"), ReadMore("A trap"), ReadMore("Just words")),
        body_html="<h2>At the pier</h2>\n"
        '<p>It sails at <a href="https://gazette.example/timetable" rel="noopener noreferrer">six</a>.</p>\n'
        '<div class="table-scroll" tabindex="0">'
        "<figure><table><tbody><tr><td>six</td><td>eight</td></tr></tbody></table></figure></div>",
    )


def test_a_post_of_the_classic_editor_gets_its_paragraphs() -> None:
    article = read_wordpress(EXPORT.encode()).articles[1]

    assert (article.language, article.byline, article.standfirst) == ("uk", "unknown", "")
    assert article.published_at == datetime(2026, 3, 19, 7, 30, tzinfo=UTC)
    assert article.body_html == ("<p>Перший рядок<br>\nдругий рядок</p>\n<blockquote>Цитата</blockquote>\n<p>Останній абзац</p>")


def test_empty_lines_inside_preformatted_text_stay() -> None:
    begin, end = EXPORT.index("Перший"), EXPORT.index("]]></content:encoded>\n<excerpt:encoded></excerpt")

    article = read_wordpress((EXPORT[:begin] + "Вірш:\n\n<pre>раз\n\nдва</pre>\n\nкінець" + EXPORT[end:]).encode()).articles[1]

    assert article.body_html == "<p>Вірш:</p>\n<pre>раз\n\nдва</pre>\n<p>кінець</p>"


def test_a_language_that_is_named_stands_above_the_sites_but_not_above_the_posts() -> None:
    without = read_wordpress(changed('nicename="uk"', 'nicename=""'), language="uk")

    assert [article.language for article in read_wordpress(EXPORT.encode(), language="uk").articles] == ["uk", "uk"]
    assert [article.language for article in read_wordpress(EXPORT.encode(), language="en").articles] == ["en", "uk"]
    assert [article.language for article in without.articles] == ["uk", "uk"]


def test_an_older_export_version_is_read_as_well() -> None:
    older = EXPORT.replace("wordpress.org/export/1.2/", "wordpress.org/export/1.0/")

    assert read_wordpress(older.encode()) == read_wordpress(EXPORT.encode())


@needs_real_input
def test_the_real_export_holds_the_real_article() -> None:
    content = read_wordpress((REAL / "wordpress-export.xml").read_bytes())

    (article,) = content.articles
    (same,) = read_markdown((REAL / "article.md").read_bytes(), zone=KYIV).articles
    assert content.left_out == Counter(drafts=1)
    assert (article.slug, article.published_at, article.body_html) == (same.slug, same.published_at, same.body_html)
    assert [link.label for link in article.read_more] == [link.label for link in same.read_more]
    assert all(link.url for link in article.read_more)
    assert article.byline == "News desk"
