"""Which language a page speaks: open pages that of their address, private pages the member's."""

import re
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Flask, current_app, g, request
from flask_babel import Babel, refresh
from werkzeug.routing import BaseConverter, ValidationError

DEFAULT = "en"
LANGUAGE_NAMES = {"en": "English", "uk": "Українська"}  # each in itself


class LanguagePrefix(BaseConverter):
    """A language other than the default at the beginning of an address."""

    regex = "uk"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        if value == DEFAULT:  # the default has an address without prefix
            raise ValidationError
        return value


class Slug(BaseConverter):
    """The last part of an address, made of a title: lower-case ASCII words joined by hyphens."""

    regex = "[a-z0-9][a-z0-9-]*"


def init_app(app: Flask) -> None:
    """Wire the address's language into routing and the present language into Babel."""
    app.url_map.converters["language"] = LanguagePrefix
    app.url_map.converters["slug"] = Slug
    app.url_value_preprocessor(_take_language)
    app.url_defaults(_give_language)
    Babel(app, locale_selector=current_language, default_translation_directories=app.config["TRANSLATIONS"])


def open_route(bp: Blueprint, rule: str, **options: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register a view under its address without prefix and under /uk/…, each speaking the language of its address."""

    def register(view: Callable[..., Any]) -> Callable[..., Any]:
        endpoint = options.pop("endpoint", view.__name__)
        bp.add_url_rule(rule, endpoint, view, defaults={"lang": DEFAULT}, **options)
        bp.add_url_rule("/<language:lang>" + rule, endpoint, view, **options)
        return view

    return register


def speak(language: str) -> None:
    """Let this request's page speak this language, whatever its address says."""
    g.language = language
    refresh()


def speak_by_address() -> None:
    """Let a page that no view has begun speak the language of its address: nobody has read it, where there is no such page."""
    prefix = re.match(rf"/({LanguagePrefix.regex})(?=/|$)", request.path)
    if prefix and "language" not in g:
        speak(prefix[1])


def current_language() -> str:
    """Return the language that the present page speaks."""
    return str(g.get("language", DEFAULT))


def _take_language(_endpoint: str | None, values: dict[str, Any] | None) -> None:
    address_language = (values or {}).pop("lang", None)
    if address_language:
        speak(address_language)


def _give_language(endpoint: str, values: dict[str, Any]) -> None:
    if "lang" not in values and _is_open(endpoint):
        values["lang"] = current_language()


def _is_open(endpoint: str) -> bool:
    return current_app.url_map.is_endpoint_expecting(endpoint, "lang")


def path_in(language: str) -> str:
    """Return the present address in another language; unchanged where it has none."""
    bare = re.sub(rf"^/{LanguagePrefix.regex}(?=/)", "", request.path)
    return bare if language == DEFAULT else "/" + language + bare
