"""Whether a table tells of other events than purchases, though nobody said what its rows are."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from footfall.errors import DataError, one_line

BOUGHT = frozenset(
    ["buy", "bought", "purchase", "purchased", "transaction", "order", "ordered", "sale", "sold",
     "conversion", "checkout", "completepurchase", "buyorder", "kauf", "kaufen", "gekauft", "achat",
     "compra", "comprar", "acquisto", "koop", "köp", "покупка", "购买", "購入"]
)  # fmt: skip
"""Words for purchases, without signs and capitals."""

OTHER = frozenset(
    ["view", "viewed", "views", "pageview", "itemview", "productview", "detail", "detailview",
     "viewitem", "viewproduct", "viewcontent", "impression", "impressions", "impr", "show", "shown",
     "exposure", "display", "browse", "pv", "click", "clicked", "clicks", "clk", "clickitem", "tap",
     "cart", "addtocart", "addcart", "basket", "addtobasket", "removefromcart", "removecart",
     "wishlist", "addtowishlist", "fav", "favorite", "favourite", "like", "dislike", "share",
     "search", "play", "skip", "watch", "read", "rate", "rating", "refund", "return", "ansehen",
     "angesehen", "ansicht", "klick", "warenkorb", "vue", "consultation", "clic", "panier", "vista",
     "visualizacao", "visualizzazione", "clique", "carrito", "carrinho", "carrello", "bekeken",
     "просмотр", "浏览", "点击", "閲覧"]
)  # fmt: skip
"""Words for what is no purchase."""

FLAGS = frozenset(
    ["click", "clicked", "isclick", "isclicked", "buy", "bought", "isbuy", "isbought", "purchase",
     "purchased", "ispurchase", "ispurchased", "ordered", "converted", "isconverted", "conversion",
     "label"]
)  # fmt: skip
"""Names of columns that flag, with 1 for yes and 0 for no, what came of a row."""

CODED = frozenset(["behavior", "behaviour", "behaviortype", "behaviourtype", "eventtype", "event",
                   "action", "actiontype", "interactiontype", "eventid"])  # fmt: skip
"""Names of columns whose numbers stand for kinds of events."""

MOST_KINDS = 30
"""Different values from which on a column is not one of kinds of events."""


def refuse_events(first: pd.DataFrame, named: set[str], path: Path) -> None:
    """Ask for ``action`` where a column looks like events that are no purchases.

    Args:
        first: The first rows of a table, all columns.
        named: Columns that the scenario names for something else.
        path: Where the table lies.

    Raises:
        DataError: A column looks so.
    """
    for name in first.columns:
        if name in named:
            continue
        values = first[name].dropna().astype(str)
        kinds = list(values.value_counts().index[: MOST_KINDS + 1])
        if not kinds or len(kinds) > MOST_KINDS:
            continue
        shown = ", ".join(one_line(kind, 20) for kind in sorted(kinds)[:4])
        how = _how(name, kinds)
        if how:
            raise DataError(
                f'{path}: column "{name}" holds {shown}: are all rows purchases? Name what they '
                f"are, {how}, or say action: purchase"
            )


def _how(name: str, kinds: list[str]) -> str:
    """How to name the actions of a column; "" where it tells none."""
    words = [_plain(kind) for kind in kinds]
    other = sum(word in OTHER for word in words)
    if other and other + sum(word in BOUGHT for word in words) >= len(words) / 2:
        return f"action: {{column: {name}, map: {{WORD: view, WORD: purchase}}}}"
    plain, numbers = _plain(name), {kind.removesuffix(".0").lower() for kind in kinds}
    if plain in FLAGS and numbers <= {"0", "1", "true", "false"} and numbers & {"0", "false"}:
        return f"action: {{flags: {{click: {name}}}}} (or purchase: {name})"
    if plain in CODED and len(kinds) > 1 and all(number.isdigit() for number in numbers):
        return f"action: {{column: {name}, map: {{'1': view, '2': purchase}}}}"
    return ""


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()
