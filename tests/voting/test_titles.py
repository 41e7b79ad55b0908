"""What a topic may say, and which titles are twins in disguise."""

import unicodedata

import pytest

from membership.voting import titles
from membership.voting.titles import (
    clean_lines,
    clean_title,
    faults_of,
    name_faults,
    search_words,
    sort_key,
    source_faults,
    split_sources,
    title_faults,
    title_key,
    why_faults,
)

GOOD = "Who repairs the road?"


@pytest.mark.parametrize(
    ("title", "fault"),
    [
        ("", titles.NO_WORD),
        ("?????????", titles.NO_WORD),
        ("1 + 1 = 2!", titles.NO_WORD),
        ("Roads", titles.WRONG_LENGTH),
        ("x" * 121, titles.WRONG_LENGTH),
        ("Who repa\u0301\u0302\u0303irs the road?", titles.TOO_MANY_MARKS),
        ("Who repairs\u20dd\u20dd\u20dd the road?", titles.TOO_MANY_MARKS),
        ("Who \u202eriaper\u202c the road?", titles.HIDDEN),
        ("Who re\u200bpairs the road?", titles.HIDDEN),
        ("Who re\u2060pairs the road?", titles.HIDDEN),
        ("Who repairs\u3164the road?", titles.HIDDEN),
        ("Who repairs the road? road.example.com", titles.NO_LINKS),
        ("Who repairs https://x", titles.NO_LINKS),
        ("Who repairs t.me/road", titles.NO_LINKS),
        ("Ask mayor@example.org for the road", titles.NO_LINKS),
        ("WHO REPAIRS THE ROAD?", titles.SHOUTED),
        ("ХТО ЛАГОДИТЬ ДОРОГУ?", titles.SHOUTED),
    ],
)
def test_a_title_that_harms_readers_is_refused_with_the_reason(title: str, fault: str) -> None:
    assert title_faults(clean_title(title)) == [fault]


@pytest.mark.parametrize(
    "title",
    [
        GOOD,
        "Де гроші NATO?",
        "Хто платить за їжу в шпиталі №5?",
        unicodedata.normalize("NFD", "Чий йод у Києві, її чи її́?"),
        "Коли за́мок, а коли замо́к?",
        "Ремонт дороги.Хто платить?",
        "Who gets U.S. aid, and Node.js courses?",
        "Who sends 👩‍🚀 to space?",
        "NATO, EU, ЄСПЛ: who decides?",
        "Tiếng Việt in our schools",
        "מי מתקן את הכביש בעיר",
    ],
)
def test_what_people_really_write_is_not_refused(title: str) -> None:
    assert title_faults(clean_title(title)) == []


def test_a_title_is_put_on_one_line_without_what_shows_nothing() -> None:
    assert clean_title("\ufeff  Who re\u00adpairs \n\t the  road\u200b ? ") == "Who repairs the road ?"
    assert clean_title(unicodedata.normalize("NFD", "Мій Київ")) == "Мій Київ"
    assert clean_lines(" One \r\n\r\n\r\n\r\n two  three\u200b\n") == "One\n\ntwo three"


@pytest.mark.parametrize(
    "disguised",
    [
        "who repairs  the road",
        "“Who repairs—the road”!!!",
        "Whо rераirs thе rоаd?",  # Cyrillic о, р, е, а
        "Wһo repairs тhe rοad?",  # Cyrillic һ and т, Greek ο
        "𝗪𝗵𝗼 ｒｅｐａｉｒｓ the ⓡoad",
        "Who re\u200bpairs the ro\u00adad?",
        "Who rëpairs the röad?",
        "WHO REPAIRS THE ROAD",
    ],
)
def test_twins_in_disguise_have_one_key(disguised: str) -> None:
    assert title_key(disguised) == title_key(GOOD)


def test_ukrainian_letters_stay_what_they_are() -> None:
    assert title_key("Чий йод?") != title_key("Чии иод?")
    assert title_key("Київ і її люди") != title_key("Киів і іі люди")
    assert title_key(unicodedata.normalize("NFD", "Чий Київ?")) == title_key("Чий Київ?")
    assert title_key("Чий Киïв?") == title_key("Чий Київ?")  # with a Latin ï
    assert title_key("ЗА ЩО ВОЮЄ НАТО") == title_key("За що воює НАТО")
    assert title_key("Пам'ять міста") == title_key("Памʼять міста") == title_key("Пам’ять міста")


def test_no_title_is_without_a_key() -> None:
    assert [title_key(title) for title in ("", "???", "? !")] == ["", "???", "? !"]


def test_words_are_looked_for_however_they_were_typed() -> None:
    assert search_words(unicodedata.normalize("NFD", "  ЇЖА у Києві")) == ["їжа", "у", "києві"]


def test_titles_are_sorted_by_the_ukrainian_alphabet() -> None:
    assert sorted(["Яма", "ґанок", "Їжа", "дім", "Єдність", "ера", "zoo", "Іван"], key=sort_key) == [
        "zoo", "ґанок", "дім", "ера", "Єдність", "Іван", "Їжа", "Яма",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        "ftp://example.org/file",
        "javascript:alert(1)",
        "example.org",
        "https://reader:secret@example.org/",
        "https://example.org@evil.example/",
        "https://localhost/",
        "https://example.org:99999/",
        "https://[::1",
        "https://example.org/a b",
        "https://example.org\\@evil.example/",
        "https://exam\u200bple.org/",
        "https://example.org/\u202egpj.exe",
    ],
)
def test_a_source_is_a_plain_address_of_the_open_web(source: str) -> None:
    assert source_faults([source]) == [titles.NO_ADDRESS]


def test_sources_are_few_and_short_and_each_on_its_line() -> None:
    typed = " https://example.org/a?b=1#c \r\n\n http://приклад.укр/шлях\nhttps://example.org/a?b=1#c\n"
    assert split_sources(typed) == ["https://example.org/a?b=1#c", "http://приклад.укр/шлях"]
    assert source_faults(split_sources(typed)) == []
    assert source_faults([f"https://example.org/{at}" for at in range(6)]) == [titles.TOO_MANY_SOURCES]
    assert source_faults(["https://example.org/" + "x" * 300]) == [titles.SOURCE_TOO_LONG]


def test_the_words_below_a_title_are_held_to_the_same() -> None:
    assert why_faults("x" * 601) == [titles.WHY_TOO_LONG]
    assert why_faults("See www.example.org") == [titles.NO_LINKS]
    assert name_faults("x" * 61) == [titles.NAME_TOO_LONG]
    assert name_faults("Ол\u200bена") == [titles.HIDDEN]
    assert faults_of("Roads", "See www.example.org", ["ftp://x.org"]) == [titles.WRONG_LENGTH, titles.NO_LINKS, titles.NO_ADDRESS]
    assert faults_of(GOOD, "Because it rains.\nAnd snows.", []) == []
