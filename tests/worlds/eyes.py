"""What axe, the checker of accessibility, finds on a page."""

from axe_playwright_python.sync_playwright import Axe


def violations(page):
    """The rule and the first place of each violation, frames left out."""
    found = Axe().run(page, options={"iframes": False}).response["violations"]
    return [(one["id"], one["nodes"][0]["target"]) for one in found]
