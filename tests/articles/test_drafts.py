"""The texts that a newsroom begins with: there in every language, filled in, and true to the site's own addresses."""

import re

import pytest
from flask import Flask

from membership.articles.drafts import FOLDER, KEYS, PLACEHOLDER, draft, render

FACTS = {
    "SITE_NAME": "The *Test* Gazette",
    "SITE_URL": "https://gazette.example",
    "LEGAL_NAME": "Gazette <b>Ltd.</b>",
    "LEGAL_ADDRESS": "1 Street\n[Town](javascript:x)",
    "CONTACT_EMAIL": "desk_one+x@gazette.example",
    "STATEMENT_DESCRIPTOR": "TEST GAZETTE",
}
ALL = [(key, language) for key in KEYS for language in ("en", "uk")]


def test_there_is_no_draft_that_nobody_shows() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(f"{key}.{language}.md" for key, language in ALL)


@pytest.mark.parametrize(("key", "language"), ALL)
def test_a_draft_is_filled_in_and_has_no_heading_of_its_own_above_the_pages(key: str, language: str) -> None:
    html = render(draft(key, language), FACTS)

    assert set(PLACEHOLDER.findall(draft(key, language))) <= set(FACTS)
    assert "{" not in html
    assert "<h1" not in html
    assert not re.search(r"^# ", draft(key, language), re.MULTILINE)


@pytest.mark.parametrize(("key", "language"), ALL)
def test_every_address_in_a_draft_is_one_of_ours_in_its_language(app: Flask, key: str, language: str) -> None:
    paths = re.findall(r"\]\((/[^)]*)\)", draft(key, language))
    routes = app.url_map.bind("localhost")

    for path in paths:
        routes.match(path)
        # Pages of one's own have one address; they speak the member's language.
        assert path.startswith("/uk/") == (language == "uk") or path == "/account"


def test_facts_are_printed_as_they_are_and_never_read_as_markdown() -> None:
    html = render("{SITE_NAME}, {LEGAL_NAME}, {LEGAL_ADDRESS}, [{CONTACT_EMAIL}](mailto:{CONTACT_EMAIL}), {UNKNOWN}", FACTS)

    assert html.strip() == (
        "<p>The *Test* Gazette, Gazette &lt;b&gt;Ltd.&lt;/b&gt;, 1 Street [Town](javascript:x), "
        '<a href="mailto:desk_one+x@gazette.example" rel="noopener noreferrer">desk_one+x@gazette.example</a>, {UNKNOWN}</p>'
    )


def test_what_is_not_set_leaves_a_gap_that_is_seen() -> None:
    assert render("{LEGAL_ADDRESS}", FACTS | {"LEGAL_ADDRESS": ""}).strip() == "<p>…</p>"


def test_scripts_and_pictures_of_others_never_reach_the_page() -> None:
    html = render("<script>x</script> <img src=x onerror=y> [x](javascript:alert) ![x](https://tracker.example/x.png)", FACTS)

    assert "<script" not in html
    assert "<img src=x" not in html
    assert "href" not in html
