"""The WSGI entry: `granian --interface wsgi wsgi:app`, and `flask --app wsgi …` for the commands."""

import os

from membership.app import create_app
from membership.config import read_settings
from membership.logs import configure_logs

configure_logs()
app = create_app(read_settings(os.environ))
