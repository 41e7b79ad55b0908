"""What a request may hold before any view sees it: of a sane size, in UTF-8, without what only one database takes."""

import re
from urllib.parse import unquote_to_bytes

from flask import abort, request
from werkzeug.datastructures import MultiDict

from membership.web.bodies import REFUSED

# A browser with every cookie of ours and a few of its extensions sends far less.
MOST_HEADER_BYTES = 16 * 1024
MOST_ADDRESS_BYTES = 8 * 1024
MOST_BITS = 63
URLENCODED = "application/x-www-form-urlencoded"
# NUL, surrogates and control characters, line breaks and tabs excepted.
UNCLEAN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
REPLACED = "\ufffd"  # what a decoder writes in place of what it could not read


def refuse_unclean_head() -> None:
    """Refuse the request (400, 413, 414, 431, 503) by its head alone."""
    if status := request.environ.get(REFUSED):
        abort(status)
    if len(request.environ.get("PATH_INFO", "")) + len(request.query_string) > MOST_ADDRESS_BYTES:
        abort(414)
    # Names count too, and those that the server has added itself make no difference.
    if sum(len(name) + len(str(value)) for name, value in request.headers) > MOST_HEADER_BYTES:
        abort(431)
    if not _is_utf8(request.environ.get("PATH_INFO", "").encode("latin-1", "replace")) or not _is_encoded_utf8(
        request.query_string
    ):
        abort(400)
    if UNCLEAN.search(request.path) or any(_is_too_large(value) for value in (request.view_args or {}).values()):
        abort(400)
    _refuse_unclean(request.args)


def refuse_unclean_form() -> None:
    """Refuse (400, 413) a form that holds what nobody types."""
    if request.mimetype == URLENCODED:
        if not _is_encoded_utf8(request.get_data()):
            abort(400)
    elif any(REPLACED in key or REPLACED in value for key, value in request.form.items(multi=True)):
        abort(400)
    _refuse_unclean(request.form)


def _refuse_unclean(values: MultiDict[str, str]) -> None:
    if any(UNCLEAN.search(key) or UNCLEAN.search(value) for key, value in values.items(multi=True)):
        abort(400)


def _is_too_large(value: object) -> bool:
    return isinstance(value, int) and value.bit_length() > MOST_BITS


def _is_encoded_utf8(text: bytes) -> bool:
    return _is_utf8(unquote_to_bytes(text))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
