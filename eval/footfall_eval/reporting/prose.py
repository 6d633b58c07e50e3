"""Sentences of Footfall in HTML: what stands between backticks is code."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_CODE = re.compile(r"`([^`]+)`")


def prose(text: object) -> Markup:
    """A sentence with its commands and names as code; everything in it is escaped.

    >>> prose("run `footfall validate demo` & see")
    Markup('run <code>footfall validate demo</code> &amp; see')
    """
    escaped = str(escape(text))
    return Markup(_CODE.sub(r"<code>\1</code>", escaped))  # noqa: S704 (escaped above)
