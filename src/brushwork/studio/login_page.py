"""The page on which users log in."""

from __future__ import annotations

import html

__all__ = ["WRONG_PASSWORD", "login_page"]

WRONG_PASSWORD = "Wrong name or password."
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>brushwork studio: log in</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; display: grid; place-items: center; min-height: 90vh; margin: 0; }}
form {{ display: grid; gap: .75rem; width: min(20rem, 90vw); }}
input, button {{ font: inherit; padding: .5rem; }}
</style></head>
<body><main><h1>brushwork studio</h1>{message}
<form method="post" action="/login">
<label for="name">Name</label><input id="name" name="name" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in</button></form></main></body></html>"""


def login_page(message: str = "") -> str:
    """The page as HTML, with a message if there is one."""
    return _PAGE.format(message=f'<p role="alert">{html.escape(message)}</p>' if message else "")
