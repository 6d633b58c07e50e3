"""Is the site whole, and readable without a network?

    python docs/site/check.py build/site

Every link and every picture leads to a file of the site (and to a place in it, where it names one);
no page loads a script, a style or a font from elsewhere. Links that a reader may follow out of the
site are allowed: nothing is fetched for them.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("link", "href")}
"""What a browser fetches by itself."""

NOT_LOADED = {"canonical", "next", "prev", "edit"}
"""Kinds of ``<link>`` that only name a page."""


class _Page(HTMLParser):
    """The addresses in a page, which of them a browser loads, and the places that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {key: value or "" for key, value in attrs}
        self.places |= {told[key] for key in ("id", "name") if key in told}
        for key in ("href", "src"):
            if key not in told or told.get("rel") in NOT_LOADED:
                continue
            self.links.append(told[key])
            if (tag, key) in LOADED:
                self.loaded.append(told[key])


@cache
def _read(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def faults(site: Path) -> list[str]:
    """One line for each link that leads nowhere, and each thing that is loaded from elsewhere."""
    found = []
    for path in sorted(site.rglob("*.html")):
        name, page = path.relative_to(site), _read(path)
        found += [f"{name} loads {one}" for one in page.loaded if re.match(r"(\w+:)?//", one)]
        found += [f"{name}: {one} leads nowhere" for one in page.links if not _leads(path, one)]
    for path in sorted(site.rglob("*.css")):
        outside = re.findall(r"url\(['\"]?(?:https?:)?//[^)]*\)", path.read_text(encoding="utf-8"))
        found += [f"{path.relative_to(site)} loads {one}" for one in outside]
    return found


def _leads(path: Path, link: str) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    to = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
    if not to.is_file():
        return path.name == "404.html"  # its links are those of a server's root
    place = unquote(parts.fragment)
    return not place or to.suffix != ".html" or place in _read(to).places or place == "__skip"


if __name__ == "__main__":
    wrong = faults(Path(sys.argv[1]).resolve())
    print("\n".join(wrong) or "every link leads somewhere; nothing is loaded from elsewhere")
    sys.exit(bool(wrong))
