"""A body's blocks: pictures and "Read more" leave it, all else stays in its order."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from membership.articles.body import make_body, split
from membership.articles.imported_article import ReadMore
from membership.articles.sanitising import clean_html


def test_a_body_of_markup_without_a_word_is_empty() -> None:
    assert make_body("<p> </p><div><p>&nbsp;</p></div><!-- nothing --><ul><li></li></ul>").html == ""


def test_a_list_under_another_heading_stays() -> None:
    body = make_body("<h3>What we know</h3><ul><li>Little</li></ul>", takes_read_more=True)

    assert (body.html, body.read_more) == ("<h3>What we know</h3>\n<ul><li>Little</li></ul>", ())


def test_a_read_more_without_a_list_stays() -> None:
    assert make_body("<p>Read more:</p><p>Text</p>", takes_read_more=True).html == "<p>Read more:</p>\n<p>Text</p>"


@pytest.mark.parametrize(
    "words", ["Read more", "<strong>Read more:</strong>", "READ ALSO …", "Читайте також:", "Related&nbsp;stories"]
)
def test_a_read_more_list_leaves_the_body(words: str) -> None:
    markup = f'<p>Text</p><p>{words}</p> <ul><li><a href="https://a.example/">A &amp; <em>B</em></a></li><li>Only words</li></ul>'

    body = make_body(markup, takes_read_more=True)

    assert body.html == "<p>Text</p>"
    assert body.read_more == (ReadMore("A & B", "https://a.example/"), ReadMore("Only words"))


def test_a_read_more_link_to_a_script_keeps_its_words_only() -> None:
    body = make_body('<p>Read more</p><ul><li><a href="javascript:x">A</a></li></ul>', takes_read_more=True)

    assert body.read_more == (ReadMore("A"),)


def test_a_read_more_list_stays_where_nobody_asked_for_it() -> None:
    assert "<ul>" in make_body("<p>Read more</p><ul><li>x</li></ul>").html


def test_a_picture_leaves_with_its_caption_and_is_counted() -> None:
    body = make_body('<p>Before</p><figure><img src="x"><figcaption>A ferry</figcaption></figure><p><img src="y"> After</p>')

    assert (body.html, body.left_out) == ("<p>Before</p>\n<p> After</p>", Counter(pictures=2))


def test_a_wide_table_scrolls_by_itself() -> None:
    assert make_body("<table><tbody><tr><td>1</td></tr></tbody></table>").html == (
        '<div class="table-scroll" tabindex="0"><table><tbody><tr><td>1</td></tr></tbody></table></div>'
    )


def test_words_outside_of_any_paragraph_become_one() -> None:
    assert make_body("<div>Loose <b>words</b></div><p>Text</p>tail").html == "<p>Loose <b>words</b></p>\n<p>Text</p>\n<p>tail</p>"


@given(
    st.lists(
        st.sampled_from(["<p>", "</p>", "<ul>", "<li>", "</ul>", "<b>", "</b>", "x & y", "&amp;", "<hr>", "<br>", "<td>", "é"])
    )
)
def test_splitting_loses_nothing(pieces: list[str]) -> None:
    clean = clean_html("".join(pieces))

    assert "".join(block.html for block in split(clean)) == clean
