"""Reads out of templates what a person would see: the words on the page and the strings that are translated."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from jinja2 import Environment, nodes

GETTEXT = frozenset({"_", "gettext", "ngettext", "pgettext"})
SPOKEN_ATTRIBUTES = frozenset({"alt", "aria-label", "content", "placeholder", "title"})
EXPRESSION = "\N{NULL}"  # where the page prints something that is computed

SILENT = frozenset({"code", "script", "style"})  # a command to type is the same in every language
CLASS_BLOCKS = re.compile(r"{% block (?:body_class|width) %}.*?{% endblock %}", re.DOTALL)  # words for the style sheet

ENVIRONMENT = Environment(extensions=["jinja2.ext.i18n"], autoescape=True)


def translated_strings(source: str) -> list[str]:
    """Return every string that the template hands to gettext, without its placeholders."""
    found: list[str] = []
    for _line, _function, messages in ENVIRONMENT.extract_translations(source, gettext_functions=tuple(GETTEXT)):
        found += [message for message in (messages if isinstance(messages, tuple) else (messages,)) if isinstance(message, str)]
    return [without_placeholders(message) for message in found]


def bare_words(source: str, *, is_html: bool = True) -> list[str]:
    """Return the words that stand in the template itself and would never be translated."""
    bare = _page_without_code(CLASS_BLOCKS.sub("", source))
    # In a mail what is indented is to be typed.
    texts = _texts_of(bare) if is_html else [line for line in bare.splitlines() if not line.startswith("    ")]
    return [text.replace(EXPRESSION, "").strip() for text in texts if any(letter.isalpha() for letter in text)]


def bare_sentences(source: str) -> list[str]:
    """Return the strings inside of expressions that read like a sentence and are not handed to gettext."""
    return [text for text in _constants(ENVIRONMENT.parse(source)) if re.match(r"\s*[^\W\d_a-zа-яіїєґ].*\s\S", text)]


def without_placeholders(message: str) -> str:
    """Return the message without %(name)s, whose names nobody sees."""
    return re.sub(r"%\(\w+\)[sd]", "", message)


def _page_without_code(source: str) -> str:
    parts = []
    for _line, kind, value in ENVIRONMENT.lex(source):
        if kind == "data":
            parts.append(value)
        elif kind == "variable_begin":
            parts.append(EXPRESSION)
    return "".join(parts)


def _texts_of(page: str) -> list[str]:
    reader = _Texts()
    reader.feed(page)
    reader.close()
    return reader.found


def _constants(node: nodes.Node) -> Iterator[str]:
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Call) and isinstance(child.node, nodes.Name) and child.node.name in GETTEXT:
            for named in child.kwargs:
                yield from _constants(named)
        elif isinstance(child, nodes.Const) and isinstance(child.value, str):
            yield child.value
        else:
            yield from _constants(child)


class _Texts(HTMLParser):
    """Collects text and the attributes that are read out, but no script, style or command."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in SILENT
        values = dict(attrs)
        if tag == "meta" and values.get("name") != "description":
            return
        self.found += [value for name, value in attrs if name in SPOKEN_ATTRIBUTES and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in SILENT

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)
