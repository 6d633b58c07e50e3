"""How pages are made: templates, forms, and the cookie that keeps a token."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import parse_qsl

import numpy as np
from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined

from footfall_eval import Contrast
from footfall_eval.comparing.figures import estimate
from footfall_eval.reporting.prose import prose
from footfall_live.door.refusals import UNFIT, RequestError

MOST_FIELDS = 20
"""Of a form."""


def page(template: str, request: Request, **content: Any) -> HTMLResponse:
    """A page from one of our templates."""
    found = _ENVIRONMENT.get_template(f"{template}.html.j2")
    answer = HTMLResponse(found.render(request=request, **content))
    token = request.query_params.get("token")
    if token:  # kept out of further addresses
        answer.set_cookie("token", token, httponly=True, samesite="strict")
    return answer


def ready_pages() -> None:
    """Read all templates now, and not at the first look at each page."""
    for name in _ENVIRONMENT.list_templates(extensions=["j2"]):
        _ENVIRONMENT.get_template(name)


def wrong(request: Request, message: str) -> HTMLResponse:
    """The page that says what is wrong."""
    return page("wrong", request, message=message)


async def _fields(request: Request) -> dict[str, str]:
    try:
        text = (await request.body()).decode("ascii")
        found = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise RequestError("this is no form", UNFIT) from None
    return {name: value.replace("\r\n", "\n") for name, value in found.items()}


Fields = Annotated[dict[str, str], Depends(_fields)]
"""What a form of ours sends."""


def number(fields: dict[str, str], name: str, most: int = 2**31) -> int | None:
    """A whole number of a form, 0 or more; None where the field is empty.

    Raises:
        RequestError: It is something else.
    """
    said = fields.get(name, "").strip()
    if not said:
        return None
    if not (said.isascii() and said.isdecimal() and len(said) < 20 and int(said) < most):
        raise RequestError(f'{name}: "{said:.40}" is no whole number', UNFIT)
    return int(said)


_ENVIRONMENT = Environment(
    loader=PackageLoader("footfall_live", "pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _figure(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:,.4g}"


def _change(value: float) -> str:
    """A lift: +12%."""
    return f"{value:+.0%}" if np.isfinite(value) else ""


def _believed(contrast: Contrast) -> tuple[float, float, float]:
    """Lower end, lift and upper end: with all uncertainty where it is known, else of luck only."""
    if contrast.evidence is None:
        return contrast.lift_low, contrast.lift, contrast.lift_high
    both = contrast.evidence.both
    return both.low, both.lift, both.high


def _difference(contrast: Contrast) -> str:
    """With as many decimals as its interval deserves, as the verdict has it."""
    return estimate(contrast.difference, contrast.ci_low, contrast.ci_high)[0]


_ENVIRONMENT.filters |= {
    "difference": _difference,
    "share": _share,
    "figure": _figure,
    "change": _change,
    "believed": _believed,
    "prose": prose,
}
