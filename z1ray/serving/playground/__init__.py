"""The playground: one self-contained page that streams two thinking budgets side by side.

The page is HTML with its styles and scripts inlined, so that it needs nothing but
the endpoint it came from. Its Content-Security-Policy admits exactly those by their
hashes and lets the page speak to its own origin only.
"""

import base64
import hashlib
from functools import cache
from importlib import resources

_SCRIPTS = ("stream.js", "window.js", "pane.js", "main.js")


@cache
def page() -> str:
    """The whole page, to be answered to ``GET /playground``."""
    style = _read("style.css")
    script = "\n".join(_read(name) for name in _SCRIPTS)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    html = _read("page.html")
    for name, text in (("POLICY", policy), ("STYLE", style), ("SCRIPT", script)):
        assert html.count(f"[[{name}]]") == 1
        html = html.replace(f"[[{name}]]", text)
    return html


def _read(name: str) -> str:
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


def _hash(inlined: str) -> str:
    """The source expression under which a browser admits one inlined element."""
    digest = hashlib.sha256(inlined.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
