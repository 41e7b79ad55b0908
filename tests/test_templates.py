"""What readers meet is in the newsroom's words, and all of it can be translated."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from membership.paths import ROOT
from tests.template_reading import bare_sentences, bare_words, translated_strings, without_placeholders

TEMPLATES = ROOT / "templates"
# The left column of the words' table: what the code says and no page.
CODE_WORDS = re.compile(
    r"\b(rounds?|electorates?|rolls?|settling|tall(y|ies)|set[ -]aside|sequential|PAV|entitle\w*"
    r"|commission\w*|ledger|past[_ ]due|comp(ed|s)?)\b",
    re.IGNORECASE,
)
# Elsewhere a receipt is what somebody gets for money, and the desk approves suggestions; a ballot has a number and ticks.
BALLOT_WORDS = re.compile(r"\b(receipts?|approv\w+)\b", re.IGNORECASE)
AUDIT_PAGES = frozenset({"staff/audit_trail.html"})
# The format of our mails, the names of formats, and what leads to another language, written in that language.
UNTRANSLATED = frozenset({"Subject:", "CSV", "JSON", "In English", "All stories in English", "Усі матеріали українською"})
PROGRAMMING_ERRORS = frozenset({"AssertionError", "KeyError", "RuntimeError", "TypeError", "ValueError"})

PAGES = sorted(path.relative_to(TEMPLATES).as_posix() for path in [*TEMPLATES.rglob("*.html"), *(TEMPLATES / "mail").glob("*.txt")])


@pytest.mark.parametrize("name", [name for name in PAGES if name not in AUDIT_PAGES])
def test_a_page_speaks_the_newsrooms_words(name: str) -> None:
    source = (TEMPLATES / name).read_text(encoding="utf-8")
    said = [*translated_strings(source), *bare_words(source, is_html=name.endswith(".html"))]

    is_about_ballots = name.startswith("voting/") and not name.startswith("voting/staff/")

    assert [text for text in said if CODE_WORDS.search(text) or (is_about_ballots and BALLOT_WORDS.search(text))] == []


@pytest.mark.parametrize("name", PAGES)
def test_everything_on_a_page_can_be_translated(name: str) -> None:
    source = (TEMPLATES / name).read_text(encoding="utf-8")

    bare = [*bare_words(source, is_html=name.endswith(".html")), *bare_sentences(source)]

    assert [text for text in bare if text not in UNTRANSLATED] == []


def test_what_the_code_says_to_people_is_in_the_newsrooms_words() -> None:
    said = {text for path in sorted((ROOT / "membership").rglob("*.py")) for text in spoken_strings(path)}

    assert sorted(text for text in said if CODE_WORDS.search(text)) == []


@pytest.mark.parametrize(
    "source",
    [
        "<p>Hello</p>",
        '<a href="{{ url }}">Read {{ more }}</a>',
        '<input placeholder="Your name">',
        '<nav aria-label="Sections"></nav>',
        '{{ empty("Nothing is here") }}',
        '{% set words = {"a": "Two words"} %}',
        '{{ _("Read %(what)s", what="The story") }}',
    ],
)
def test_a_string_that_cannot_be_translated_is_noticed(source: str) -> None:
    assert bare_words(source) + bare_sentences(source) != []


@pytest.mark.parametrize(
    "source",
    [
        '<p>{{ _("Hello") }}</p>',
        "<style>p { color: red }</style><script>var one = 1</script>",
        '<p class="meta" lang="uk">· → {{ number }} %</p>',
        "{# A comment #}",
        '{{ ngettext("%(num)d Day", "%(num)d Days", days) }}',
    ],
)
def test_what_needs_no_translation_passes(source: str) -> None:
    assert bare_words(source) + bare_sentences(source) == []


@pytest.mark.parametrize("text", ["The round is open", "set aside", "a past_due payment", "Sequential PAV"])
def test_a_word_of_the_code_is_noticed(text: str) -> None:
    assert CODE_WORDS.search(text)


@pytest.mark.parametrize("text", ["The March vote", "Turn around", "without compromise", "a rolling stone", "We account for it"])
def test_other_words_pass(text: str) -> None:
    assert not CODE_WORDS.search(text)


def spoken_strings(path: Path) -> Iterator[str]:
    """Give the strings of a module that people may meet: what gettext gets, and the sentences of refusals."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        call = node.exc if isinstance(node, ast.Raise) else node
        if not isinstance(call, ast.Call):
            continue
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        is_gettext = name in ("_", "_l", "gettext", "lazy_gettext", "ngettext", "N_")
        if is_gettext or (isinstance(node, ast.Raise) and name not in PROGRAMMING_ERRORS):
            yield from (
                without_placeholders(argument.value)
                for argument in call.args
                if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
            )
