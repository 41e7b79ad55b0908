"""Money, dates and numbers as readers of each language expect them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from flask import Flask, render_template_string

from membership.web.languages import speak

KYIV = ZoneInfo("Europe/Kyiv")
NBSP = "\u00a0"


def rendered(sample_app: Flask, language: str, template: str, **context: object) -> str:
    with sample_app.test_request_context("/"):
        speak(language)
        return render_template_string(template, **context)


@pytest.mark.parametrize(
    ("minor", "currency", "english", "ukrainian"),
    [
        (500, "eur", "€5", f"5{NBSP}€"),
        (467, "eur", "€4.67", f"4,67{NBSP}€"),
        (120_450, "EUR", "€1,204.50", f"1{NBSP}204,50{NBSP}€"),
        (-500, "eur", "-€5", f"-5{NBSP}€"),
        (0, "eur", "€0", f"0{NBSP}€"),
        (500, "jpy", "¥500", f"500{NBSP}¥"),
        (25_000, "uah", "₴250", f"250{NBSP}₴"),
        (1050, "chf", f"CHF{NBSP}10.50", f"10,50{NBSP}CHF"),
        (99, "usd", "$0.99", f"0,99{NBSP}$"),
    ],
)
def test_money_shows_cents_only_where_there_are_any(
    sample_app: Flask,
    minor: int,
    currency: str,
    english: str,
    ukrainian: str,
) -> None:
    template = "{{ minor | money(currency) }}"
    shown = [rendered(sample_app, language, template, minor=minor, currency=currency) for language in ("en", "uk")]

    assert shown == [english, ukrainian]


@pytest.mark.parametrize(
    ("instant", "english", "ukrainian"),
    [
        (
            datetime(2026, 3, 29, 0, 59, tzinfo=UTC),  # a minute before summer time
            "Sunday 29 March 2026, 02:59 in Kyiv",
            "29 березня 2026, 02:59 (неділя, за Києвом)",
        ),
        (
            datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
            "Sunday 29 March 2026, 04:00 in Kyiv",
            "29 березня 2026, 04:00 (неділя, за Києвом)",
        ),
        (
            datetime(2026, 10, 24, 21, 30, tzinfo=UTC),  # already Sunday in Kyiv
            "Sunday 25 October 2026, 00:30 in Kyiv",
            "25 жовтня 2026, 00:30 (неділя, за Києвом)",
        ),
        (
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
            "Sunday 25 October 2026, 03:30 in Kyiv",
            "25 жовтня 2026, 03:30 (неділя, за Києвом)",
        ),
    ],
)
def test_a_moment_is_told_in_the_newsrooms_zone(sample_app: Flask, instant: datetime, english: str, ukrainian: str) -> None:
    shown = [rendered(sample_app, language, "{{ instant | moment }}", instant=instant) for language in ("en", "uk")]

    assert shown == [english, ukrainian]


def test_a_day_is_the_newsrooms_day(sample_app: Flask) -> None:
    late = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    template = "{{ late | day }} · {{ late | month }} · {{ late | iso }} · {{ plain | day }}"

    shown = [rendered(sample_app, language, template, late=late, plain=date(2026, 3, 1)) for language in ("en", "uk")]

    assert shown == [
        "22 November 2026 · November 2026 · 2026-11-22T01:30:00+02:00 · 1 March 2026",
        "22 листопада 2026 · листопад 2026 · 2026-11-22T01:30:00+02:00 · 1 березня 2026",
    ]


def test_numbers_have_the_languages_separators(sample_app: Flask) -> None:
    assert [rendered(sample_app, language, "{{ 1204567 | number }}") for language in ("en", "uk")] == [
        "1,204,567",
        f"1{NBSP}204{NBSP}567",
    ]
