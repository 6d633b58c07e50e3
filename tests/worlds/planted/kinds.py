"""What kinds of shop there are: every number that makes one kind unlike another.

Utilities are in units of the noise of a single decision (standard deviation 1).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Rule = Literal["several", "one", "nested", "satisficing"]
"""How a page becomes clicks: every examined item for itself; the best of what was examined;
from the top until something ends it; the first that is good enough."""

Noise = Literal["normal", "gumbel"]


@dataclass(frozen=True)
class Kind:
    """One kind of shop."""

    name: str
    rule: Rule
    noise: Noise
    words: dict[str, tuple[str, ...]]
    """Category -> nouns of its titles."""
    styles: tuple[tuple[str, str], ...]
    """For each latent factor a word of items low in it, and one of items high in it."""
    prices: tuple[float, float]
    """Median price (EUR) and the standard deviation of its logarithm within a category."""
    click_rate: float
    """Chance of a click on a first-place item, were items shown by lot."""
    buy_rate: float
    """Chance of a purchase after such a click."""
    visits: float
    """Visits a day of the median user."""
    # How users differ, and items.
    latent: float
    """Standard deviation of what latent taste adds to utility; so are the next three."""
    category: float
    item: float
    activity: float
    price: float
    """What it costs to be far from a user's ideal price, at most."""
    # What changes with time.
    fatigue: float
    """What many earlier exposures take away, at most."""
    fatigue_days: float
    """Days in which a memory of exposures falls to 1/e."""
    newness: float = 0.0
    """What the first days of an item add."""
    launched: float = 0.0
    """Share of items launched during the log."""
    repeat: float = 0.0
    """What a habit of buying the item adds, at most."""
    stocked: float = 0.0
    """What having just bought it takes away."""
    done: float = 0.0
    """What having clicked it ever takes away."""
    # The page and the visit.
    desktop: tuple[float, ...] = (1.0, 0.9, 0.8, 0.7)
    """Chance that a place is looked at, by tenths of the page; in between it is interpolated."""
    phone: tuple[float, ...] = (1.0, 0.8, 0.6, 0.4)
    go_on: float = 0.3
    """Probit of asking for a second page, for a user of average patience."""
    go_on_page: float = -0.4
    """What each further page adds to that."""
    go_on_click: float = 0.0
    """What a click on the page adds to that."""
    go_on_purchase: float = 0.0
    returns: float = 0.0
    """By how much one click above the usual raises the chance of coming back, fading in days."""
    max_pages: int = 4
    buy_taste: float = 0.4
    """How much of a taste that led to the click counts again when buying."""
    buy_price: float = 0.0
    """What twice the usual price of the category takes away when buying."""
    # What only odd shops do.
    variety: float = 0.0
    """What the same category just above takes away, and its half for one further up."""
    drift: float = 0.0
    """Turn of a user's tastes in radians over 56 days."""
    mission: float = 0.0
    """What a visit's own category adds, and takes from the others by a third."""
    contrast: float = 0.0
    """Share of what a page's mean is worth above the level that is taken from each of its items."""
    sated: float = 0.0
    """What each click on earlier pages of the visit takes away."""
    spree: float = 0.0
    """What having clicked the category earlier in the visit adds."""
    basket: float = 0.0
    """What a purchase takes from the whole category for some days (stockpiling: Hendel & Nevo
    2006), and adds to the category that goes with it, the next one (complements: Manchanda,
    Ansari & Gupta 1999)."""
    blind: float = 0.0
    """By how much pages that are one better than the shop's goods let a user read further: the
    chance of each look is raised to exp(-blind x trust) (users learn whether looking pays:
    Hohnhold, O'Brien & Tang 2015)."""
    herd: float = 0.0
    """What an item's clicks by everybody of late, which its page shows, add by their logarithm
    (displayed counts: Salganik, Dodds & Watts 2006; Cai, Chen & Fang 2009)."""
    stale: float = 0.0
    """Share of visits that a shop loses whose first page is always the one of the last visit
    (temporal diversity: Lathia, Hailes, Capra & Amatriain 2010)."""
    niche: float = 0.0
    """Share of users who like an item the less the more everybody likes it: twice that of those who
    come most, none of those who come least (heavy users are the eccentric ones: Goel, Broder,
    Gabrilovich & Pang 2010)."""
    letdown: float = 0.0
    """What a click teaches: an item that turns out better than it looks is worth so much more to
    who knows it, a worse one twice as much less, and what was learned colours its category
    (attraction and satisfaction: Chapelle & Zhang 2009; learning from use: Erdem & Keane 1996)."""
    decoy: float = 0.0
    """What an item gains by a dearer, less liked one of its category within three places; that one
    loses half of it (asymmetric dominance: Huber, Payne & Puto 1982; Wu & Cosguner 2020)."""
    leaving: float = 0.0
    """Chance of never coming back after a visit without a click (dropping out: Schmittlein,
    Morrison & Colombo 1987; Bolton 1998)."""


_FASHION = Kind(
    name="fashion",
    rule="one",
    noise="normal",
    words={
        "Dresses": ("dress", "gown", "tunic"),
        "Shoes": ("boots", "sneakers", "loafers"),
        "Coats": ("coat", "parka", "jacket"),
        "Trousers": ("jeans", "chinos", "leggings"),
        "Shirts": ("shirt", "blouse", "tee"),
        "Bags": ("tote", "clutch", "backpack"),
        "Knitwear": ("jumper", "cardigan", "pullover"),
        "Jewellery": ("ring", "necklace", "earrings"),
    },
    styles=(("plain", "bold"), ("classic", "street"), ("slim", "loose"), ("dark", "pastel")),
    prices=(45.0, 0.6),
    click_rate=0.025,
    buy_rate=0.10,
    visits=0.20,
    latent=0.30,
    category=0.30,
    item=0.25,
    activity=0.25,
    price=0.7,
    fatigue=0.05,
    fatigue_days=10.0,
    newness=0.35,
    launched=0.4,
    desktop=(1.0, 0.95, 0.8, 0.7, 0.6, 0.55),
    phone=(1.0, 0.85, 0.6, 0.45, 0.35, 0.3),
    go_on=0.35,
    go_on_click=-0.2,
    go_on_purchase=-1.0,
    buy_price=0.5,
)

_GROCERY = Kind(
    name="grocery",
    rule="several",
    noise="gumbel",
    words={
        "Dairy": ("milk", "yoghurt", "cheese"),
        "Bakery": ("bread", "rolls", "cake"),
        "Produce": ("apples", "salad", "tomatoes"),
        "Meat": ("chicken", "mince", "ham"),
        "Drinks": ("juice", "water", "cola"),
        "Snacks": ("crisps", "nuts", "chocolate"),
        "Household": ("soap", "towels", "cleaner"),
        "Frozen": ("pizza", "peas", "ice cream"),
        "Pantry": ("pasta", "rice", "oil"),
        "Baby": ("nappies", "puree", "wipes"),
    },
    styles=(("mild", "spicy"), ("regular", "organic"), ("single", "family")),
    prices=(3.2, 0.45),
    click_rate=0.06,
    buy_rate=0.35,
    visits=0.18,
    latent=0.25,
    category=0.45,
    item=0.40,
    activity=0.30,
    price=0.25,
    fatigue=0.05,
    fatigue_days=6.0,
    repeat=0.8,
    stocked=0.25,
    desktop=(1.0, 0.95, 0.9, 0.85, 0.75, 0.7),
    phone=(1.0, 0.9, 0.8, 0.65, 0.5, 0.45),
    go_on=0.5,
    go_on_page=-0.3,
    go_on_click=0.1,
    buy_taste=0.35,
    buy_price=0.4,
)

_MEDIA = Kind(
    name="media",
    rule="several",
    noise="normal",
    words={
        "Drama": ("family", "secret", "letters"),
        "Comedy": ("party", "neighbours", "holiday"),
        "Crime": ("murder", "heist", "witness"),
        "Nature": ("ocean", "forest", "desert"),
        "Sport": ("match", "race", "league"),
        "Music": ("concert", "album", "choir"),
    },
    styles=(
        ("slow", "fast"),
        ("light", "dark"),
        ("old", "modern"),
        ("local", "foreign"),
        ("short", "epic"),
        ("quiet", "loud"),
    ),
    prices=(3.0, 0.2),
    click_rate=0.11,
    buy_rate=0.15,
    visits=0.22,
    latent=0.55,
    category=0.20,
    item=0.25,
    activity=0.30,
    price=0.05,
    fatigue=0.35,
    fatigue_days=20.0,
    done=0.3,
    desktop=(1.0, 0.8, 0.62, 0.5, 0.4, 0.34),
    phone=(1.0, 0.72, 0.5, 0.36, 0.27, 0.2),
    go_on=0.1,
    go_on_page=-0.2,
    go_on_click=0.35,
    returns=0.06,
    max_pages=5,
    buy_taste=0.5,
)

_NESTED = replace(
    _FASHION, name="nested", rule="nested", click_rate=0.04, go_on=0.6, go_on_click=-0.5
)
_SATISFICING = replace(
    _GROCERY, name="satisficing", rule="satisficing", click_rate=0.07, repeat=0.6, go_on=0.2
)
_VARIETY = replace(_MEDIA, name="variety", variety=0.7, fatigue=0.3, latent=0.4, category=0.45)
_DRIFT = replace(_MEDIA, name="drift", drift=1.4, fatigue=0.3, category=0.35, noise="gumbel")
_CONTRAST = replace(_GROCERY, name="contrast", contrast=0.5, go_on=0.3)
_SATED = replace(_MEDIA, name="sated", sated=0.35, go_on=0.5)
_SPREE = replace(_FASHION, name="spree", spree=0.6, rule="several", go_on=0.6)
_MISSION = replace(_GROCERY, name="mission", mission=0.9, category=0.2, repeat=0.6)
_BASKET = replace(_GROCERY, name="basket", basket=0.7, category=0.5, repeat=0.4, visits=0.25)
_BLIND = replace(_FASHION, name="blind", blind=1.0, rule="several", go_on_click=0.0)
_HERD = replace(_MEDIA, name="herd", herd=0.2, noise="gumbel", fatigue=0.25)
_STALE = replace(_MEDIA, name="stale", stale=0.4, fatigue=0.2, returns=0.0, visits=0.3)
_NICHE = replace(_MEDIA, name="niche", niche=0.3, item=0.3, latent=0.4, fatigue=0.2)
_LETDOWN = replace(_MEDIA, name="letdown", letdown=0.35, done=0.1, fatigue=0.2, noise="gumbel")
_DECOY = replace(_FASHION, name="decoy", decoy=0.6, click_rate=0.035)
_LEAVING = replace(_MEDIA, name="leaving", leaving=0.1, returns=0.0, click_rate=0.09, visits=0.3)

ORDINARY = {kind.name: kind for kind in (_FASHION, _GROCERY, _MEDIA)}
"""Shops as one finds them."""

_ODD = (
    *(_NESTED, _SATISFICING, _VARIETY, _DRIFT, _MISSION, _CONTRAST, _SATED, _SPREE),
    *(_BASKET, _BLIND, _HERD, _STALE, _NICHE, _LETDOWN, _DECOY, _LEAVING),
)

ODD = {kind.name: kind for kind in _ODD}
"""Shops whose users break ordinary rules: nested reads from the top and stops, satisficing takes
the first that will do, variety wants no more of the same, drift changes tastes, mission comes for
one category a visit, contrast holds items against the rest of the page, sated wants less with each
click of the visit, spree more of what it has clicked, basket wants
something else after a purchase, blind reads less far where pages were poor, herd follows what
everybody clicks, stale stays away where the first page is the old one, niche shuns what the others
like, letdown learns only by a click what an item is good for, decoy takes what beats its neighbour,
leaving leaves for good."""

KINDS = ORDINARY | ODD
"""Every kind of shop by its name."""
