"""Actions beside clicking and buying, as written in a scenario; each is off unless it is named.

They are logged as events (``RUN/events``). Impressions and sessions stay about the pages of the
recommenders under test.
"""

from __future__ import annotations

from pydantic import Field, model_validator

from footfall.plumbing.spec import Spec


class CartSpec(Spec):
    """Clicked -> put into the cart -> bought, or left there."""

    abandoned: float = Field(default=0.7, ge=0, lt=1)
    """Share of carted items that are not bought. 70% of carts are abandoned in the mean of 50
    studies (Baymard Institute, "Cart Abandonment Rate Statistics"). P(bought | clicked) stays what
    ``behaviour.buy`` says, so this only tells how many more items were in the cart."""


class QuantitySpec(Spec):
    """How many of an item are bought at once."""

    mean: float | None = Field(default=None, ge=1)
    """None: each item's mean quantity a purchase in the history, shrunk to that of all items.
    More than one piece is drawn from a geometric distribution."""


class VisitBudgetSpec(Spec):
    """Money that a visit may cost; what does not fit any more is not bought."""

    times: float = Field(default=2.0, gt=0)
    """Of what the user spent on a remembered visit, in the mean."""
    amount: float | None = Field(default=None, gt=0)
    """Money a visit, the same for everybody, in place of ``times``."""


class RateSpec(Spec):
    """Stars for what was taken, by an ordered logit fitted to remembered ratings."""

    share: float = Field(default=0.2, gt=0, le=1)
    """Share of purchases that are rated (of clicks where ``of`` says so); a round number."""
    of: str = Field(default="bought", pattern="^(bought|clicked)$")
    """"bought" or "clicked"."""
    levels: tuple[float, ...] | None = None
    """Ratings that can be given, rising; None: those of the history."""
    cuts: tuple[float, ...] | None = None
    """Thresholds between the levels; with ``levels``, in place of fitting (for data that has no
    ratings)."""
    like_from: float | None = None
    """From this rating on the item is liked, up to ``dislike_to`` disliked; None: no thumbs."""
    dislike_to: float | None = None
    review: float = Field(default=0.0, ge=0, le=1)
    """Share of ratings that come with a short review, made of set phrases."""

    @model_validator(mode="after")
    def _levels_and_cuts_fit(self) -> RateSpec:
        if (self.levels is None) != (self.cuts is None):
            raise ValueError("give levels and cuts together, or neither")
        if self.levels is None or self.cuts is None:
            return self
        for name, numbers in (("levels", self.levels), ("cuts", self.cuts)):
            if list(numbers) != sorted(set(numbers)):
                raise ValueError(f"{name} must rise")
        if len(self.cuts) != len(self.levels) - 1:
            raise ValueError(f"{len(self.levels)} levels need {len(self.levels) - 1} cuts between")
        return self


class SearchSpec(Spec):
    """Who finds nothing may search: for something like what he or she usually buys."""

    share: float = Field(default=0.3, gt=0, le=1)
    """Share of users who search when a page without a click would make them leave."""


class SimilarSpec(Spec):
    """Who clicked may look at similar items next."""

    share: float = Field(default=0.2, gt=0, le=1)
    """Share of clicks that lead to a page of similar items."""


class ActionsSpec(Spec):
    """The actions of a scenario."""

    cart: CartSpec | None = None
    quantity: QuantitySpec | None = None
    budget: VisitBudgetSpec | None = None
    rate: RateSpec | None = None
    search: SearchSpec | None = None
    similar: SimilarSpec | None = None
    reasons: bool = False
    """Log why a visit ended: "found something", "nothing of interest", "too dear", "seen before",
    "out of budget"."""

    @property
    def any(self) -> bool:
        """Whether anything is on."""
        return self != ActionsSpec()
