"""What a view says of a page that is the same bytes for everybody."""

from functools import wraps
from typing import Any

from flask import make_response, request

from membership.web.audience import View
from membership.web.page_cache import KEEP

# Everybody may keep it, and asks each time whether it still stands: a correction is seen at once, and the answer is mostly a 304.
CACHE_CONTROL = "public, max-age=0, must-revalidate"


def open_page(view: View) -> View:
    """Let the page cache keep what the view answers; the view may look at its address only, never at who is asking."""

    @wraps(view)
    def shown(*args: Any, **kwargs: Any) -> Any:
        response = make_response(view(*args, **kwargs))
        if response.status_code == 200:
            response.headers["Cache-Control"] = CACHE_CONTROL
            request.environ[KEEP] = True
        return response

    return shown
