"""The store of pages never outgrows its bound."""

from membership.web.kept_pages import OVERHEAD_BYTES, KeptPages, Page, make_variants


def _page(size: int) -> Page:
    return Page(make_variants([], b"x" * size, encodings=["identity"]), version=1, expires_at=0.0)


def test_a_page_that_would_push_out_a_quarter_of_the_others_is_not_kept() -> None:
    pages = KeptPages(max_bytes=8 * OVERHEAD_BYTES)

    pages.keep("/long", _page(2 * OVERHEAD_BYTES))

    assert (pages.find("/long"), pages.size) == (None, 0)


def test_a_page_grown_too_long_leaves_nothing_old_behind() -> None:
    pages = KeptPages(max_bytes=8 * OVERHEAD_BYTES)
    pages.keep("/growing", _page(1))

    pages.keep("/growing", _page(2 * OVERHEAD_BYTES))

    assert (pages.find("/growing"), pages.size) == (None, 0)


def test_what_nobody_asked_for_makes_room_first() -> None:
    pages = KeptPages(max_bytes=4 * (OVERHEAD_BYTES + 10))
    for name in "abcd":
        pages.keep(name, _page(10))
    for name in "ac":
        found = pages.find(name)
        assert found
        found.was_used = True

    pages.keep("e", _page(10))
    pages.keep("f", _page(10))

    assert [name for name in "abcdef" if pages.find(name)] == ["a", "c", "e", "f"]


def test_however_many_pages_come_their_size_stays_bounded() -> None:
    pages = KeptPages(max_bytes=50_000)

    for number in range(500):
        page = _page(number)
        page.was_used = True
        pages.keep(f"/{number}", page)

    kept = [page for page in (pages.find(f"/{number}") for number in range(500)) if page]
    assert pages.size == sum(page.size for page in kept) <= 50_000
    assert pages.find("/499")


def test_replacing_a_page_counts_it_once() -> None:
    pages = KeptPages(max_bytes=100_000)

    pages.keep("/a", _page(100))
    pages.keep("/a", _page(50))

    assert (len(pages), pages.size) == (1, 50 + OVERHEAD_BYTES)


def test_a_forgotten_page_is_gone_and_forgetting_nothing_is_no_fault() -> None:
    pages = KeptPages(max_bytes=100_000)
    pages.keep("/a", _page(100))

    pages.forget("/a")
    pages.forget("/a")

    assert (pages.find("/a"), pages.size) == (None, 0)
