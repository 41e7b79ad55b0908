"""How templates print money, dates and numbers: in the page's language and the newsroom's time zone."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, get_timezone_location
from babel.numbers import format_decimal
from flask import Flask

from membership import money
from membership.config import Settings
from membership.web.languages import current_language

# As people write them where the newsroom's readers live; CLDR has "EUR" for Ukrainian and "UAH" for English.
SYMBOLS = {"EUR": "€", "UAH": "₴", "USD": "$", "GBP": "£", "JPY": "¥"}
# Babel knows this city in Latin letters only.
CITIES = {("Europe/Kyiv", "uk"): "за Києвом", ("Europe/Kiev", "uk"): "за Києвом"}
NO_BREAK = "\u00a0"


def init_app(app: Flask, settings: Settings) -> None:
    """Register the filters money, day, month, moment, number and iso."""
    zone = settings.time_zone
    app.add_template_filter(money_text, "money")
    app.add_template_filter(lambda value: day(value, zone), "day")
    app.add_template_filter(lambda value: month(value, zone), "month")
    app.add_template_filter(lambda value: moment(value, zone), "moment")
    app.add_template_filter(number, "number")
    app.add_template_filter(lambda value: value.astimezone(zone).isoformat(timespec="seconds"), "iso")


def money_text(amount_minor: int, currency: str) -> str:
    """Return "€5" or "€4.67": cents only where there are any."""
    code = currency.upper()
    amount = money.to_major(amount_minor, code)
    places = 0 if amount == amount.to_integral_value() else money.exponent(code)
    return format_decimal(amount, format=_pattern(code, places), locale=_locale())


def day(value: datetime | date, zone: ZoneInfo) -> str:
    """Return the date in the newsroom's zone: "22 November 2026"."""
    return format_date(_local(value, zone), "d MMMM yyyy", locale=_locale())


def month(value: datetime | date, zone: ZoneInfo) -> str:
    """Return the month: "November 2026"."""
    return format_date(_local(value, zone), "LLLL yyyy", locale=_locale())


def moment(value: datetime, zone: ZoneInfo) -> str:
    """Return date, time and the zone's name: "Sunday 29 March 2026, 20:00 in Kyiv"."""
    local = value.astimezone(zone)
    place = _place(zone)
    if current_language() == "en":
        return format_datetime(local, "EEEE d MMMM yyyy, HH:mm", locale=_locale()) + f" in {place}"
    # The date's one form fits after any preposition; the weekday's does not, so it stands in brackets.
    return format_datetime(local, "d MMMM yyyy, HH:mm (EEEE", locale=_locale()) + f", {place})"


def retry_time(retry_at: datetime, now: datetime, zone: ZoneInfo) -> str:
    """Return from when on something works again, never too early: "14:35 in Kyiv", with its date on another day."""
    local = (retry_at + timedelta(seconds=59)).astimezone(zone)
    if local.date() != now.astimezone(zone).date():
        return moment(local, zone)
    gap = " in " if current_language() == "en" else " "
    return format_datetime(local, "HH:mm", locale=_locale()) + gap + _place(zone)


def number(value: int) -> str:
    """Return a number with the language's separators: "1,204"."""
    return format_decimal(value, locale=_locale())


def _place(zone: ZoneInfo) -> str:
    return CITIES.get((zone.key, current_language())) or get_timezone_location(zone, locale=_locale(), return_city=True)


def _local(value: datetime | date, zone: ZoneInfo) -> date:
    return value.astimezone(zone).date() if isinstance(value, datetime) else value


def _locale() -> str:
    # Dates as the rest of Europe writes them: 22 November, not November 22.
    return {"en": "en_GB", "uk": "uk_UA"}[current_language()]


def _pattern(code: str, places: int) -> str:
    symbol = SYMBOLS.get(code, code)
    gap = NO_BREAK if symbol == code or current_language() != "en" else ""
    digits = "#,##0" + ("." + "0" * places if places else "")
    return f"'{symbol}'{gap}{digits}" if current_language() == "en" else f"{digits}{gap}'{symbol}'"
