"""A reader-supported membership platform for independent newsrooms."""
