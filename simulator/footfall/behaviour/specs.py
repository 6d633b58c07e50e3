"""What a scenario can say about behaviour, as checked models with their defaults and sources."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from footfall.errors import did_you_mean
from footfall.plumbing.spec import Spec
from footfall.run_folder.reading_on import as_shares


class Terms(Spec):
    """Coefficients of the utility of a click; all are assumptions until fitted to real choices."""

    none: float = -2.0
    """Added to every item, so minus the appeal of "none of these"."""
    llm: float = 1.0
    """Per unit of the language model's utility."""
    position: float = 0.0
    """Per log(1+position); 0 because reading depth already makes low positions lose."""
    popularity: float = 0.25
    """Per log(1 + remembered purchases a thousand users), older ones faded as the crowd says."""
    price: float = -0.3
    """Per log of the price over the category's median price."""
    repeat: float = 1.0
    """Per log(1 + own remembered purchases)."""
    fatigue: float = -0.15
    """Per earlier time that the user saw the item in this run."""
    recency: float = 0.0
    """Per log(1 + own remembered purchases, each fading with exp(-days/28))."""
    category: float = 0.0
    """Per log of the share of the item's category or genres in own takings over the crowd's."""
    approval: float = 0.0
    """Per standard deviation of own ratings of the item's genres above expectation."""
    quality: float = 0.0
    """Per standard deviation of others' ratings of the item above their own means."""
    appetite: float = 0.0
    """Per log of own takings a visit over the crowd's; moves all items against "none"."""
    spending: float = 0.0
    """Per log relative price times the mean log relative price of own takings."""
    mainstream: float = 0.0
    """Per log(1+sales) times the mean of it over own takings, centred."""
    era: float = 0.0
    """Per decade that the item's year lies away from the mean year of own takings, negative:
    larger is nearer; for titles that end with a year, such as "Heat (1995)"."""
    unknown: float = 0.0
    """If nobody of the crowd has taken the item: it is unpopular, or it is new."""
    novelty: float = 0.0
    """If the user never took the item, times how much of the own takings were first ones,
    above the population's mean: novelty seekers against creatures of habit."""
    occasion: float = 0.0
    """Per log of the share of the item's category at this time of the week and of the year over
    its share at all times."""
    taste: float = 0.0
    """Per arcsinh of standard deviations of how well the item goes with own takings, as others'
    takings tell (EASE); see ``footfall.behaviour.alike``."""
    trend: float = 0.0
    """Per log(1 + purchases a thousand users in the arm's last epochs); see ``social``."""
    friends: float = 0.0
    """Per friend who bought the item in the last epochs; see ``social``."""


TERMS = tuple(Terms.model_fields)
"""Names of the coefficients, in the order of columns of ``PageFeatures.own``."""


class SegmentsSpec(Spec):
    """Coefficients of some users, in place of the common ones."""

    by: str
    """A profile column, for instance "age"."""
    click: dict[str, dict[str, float]] = Field(min_length=1)
    """Value of that column -> term -> coefficient. Users of other values keep the common ones."""

    @model_validator(mode="after")
    def _terms_exist(self) -> SegmentsSpec:
        for group, terms in self.click.items():
            for name in terms:
                if name not in TERMS:
                    raise ValueError(f'{group}: no term "{name}"; {did_you_mean(name, TERMS)}')
        return self


class MoodSpec(Spec):
    """Satisfaction that is carried over visits, from -1 to 1; off unless it is named.

    A visit in which something was clicked lifts it, another one lowers it, each against what was
    expected (expectancy disconfirmation: Oliver, Journal of Marketing Research 17, 1980).
    """

    carry: float = Field(default=0.7, ge=0, lt=1)
    """Share of the satisfaction that is left after the next visit."""
    expects: float = Field(default=0.5, ge=0, le=1)
    """Share of visits in which the user expects to find something."""
    gap: float = Field(default=0.5, ge=-5, le=5)
    """Days to the next visit are multiplied by exp(-gap * satisfaction)."""
    go_on: float = Field(default=0.5, ge=-5, le=5)
    """Added to the log-odds of opening another page, times satisfaction."""
    click: float = Field(default=0.0, ge=-5, le=5)
    """Added to the utility of every item, times satisfaction."""


class BuyTerms(Spec):
    """Coefficients of the log-odds of buying what was clicked."""

    base: float = -0.5
    price: float = -0.5
    """Per log of the price over the category's median price."""
    repeat: float = 0.5
    """Per log(1 + own remembered purchases)."""


class Habits(Spec):
    """How users read, dwell and come back; assumptions until fitted."""

    examination: float = Field(default=0.5, ge=0)
    """P(reads down to position p) = (1/p)**examination, p from 1. 1 is usual for search results
    (Joachims, Swaminathan and Schnabel, WSDM 2017), 0 reads everything."""
    examine_curve: tuple[float, ...] = ()
    """Measured P(reads down to position p), from 1.0 downwards; replaces ``examination``."""
    go_on: float = Field(default=0.2, ge=-10, le=10)
    """Log-odds of opening another page after one without a click."""
    go_on_after_click: float = Field(default=0.8, ge=-10, le=10)
    """Added to those log-odds after a click."""
    look_seconds: float = Field(default=2.0, gt=0, le=86_400)
    """Time to read one item of the page."""
    dwell_seconds: float = Field(default=20.0, gt=0, le=86_400)
    """Time on the page of a clicked item."""
    gap_days: float = Field(default=7.0, gt=0, le=36_500)
    """Mean gap between visits of a user whose history does not tell one."""
    picks: Literal["one", "many"] = "one"
    """"one": at most one click a page (multinomial logit). "many": every item that beats
    "none of these" is clicked (each against the outside option, sharing its noise)."""
    reads_on: tuple[Annotated[float, Field(ge=0, le=1)], ...] = ()
    """By what reading further down is multiplied after one click, two clicks, ..., with ``picks:
    many``; further clicks go on by the last step's ratio, and none: reading goes on. Below 1 a good
    item takes from those below it (as in the dependent click model: Guo, Liu and Wang, WSDM 2009,
    whose users stop with a click or read on); ``[1, 0]`` is content with two."""
    crowding: float | None = Field(default=None, ge=0, le=5)
    """How much the items of a page take from each other, with ``picks: one``: the variance of the
    users' patience on a page. 1: as in a multinomial logit; 0: only that one at most is taken.
    Reading then makes an item rarer instead of hiding it. None: a multinomial logit over what was
    read."""

    @field_validator("reads_on", mode="before")
    @classmethod
    def _one_number(cls, value: object) -> object:
        """As runs of earlier versions have it."""
        return as_shares(value)


class PeopleSpec(Spec):
    """Users fitted to a log of pages, each with numbers of their own; see docs/fitting.md."""

    file: str = ""
    """What ``footfall fit`` wrote beside the behaviour; from the scenario's folder, if relative."""
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """Of the file, so that no other users are played by mistake."""
    target: str = ""
    """In place of a file: ``module:function`` of one's own, which gets the ids of users and items
    and the moment at which the run begins, and returns ``footfall.behaviour.thinking.Thinking``
    users, for instance those of a made-up world whose truth is known."""

    @model_validator(mode="after")
    def _one_of_both(self) -> PeopleSpec:
        if bool(self.file) == bool(self.target):
            raise ValueError("name either a `file` or a `target`")
        if bool(self.file) != bool(self.sha256):
            raise ValueError("a `file` goes with its `sha256`; `footfall fit` writes both")
        return self


class BehaviourSpec(Spec):
    """Everything about behaviour that a scenario can set; see the defaults' sources above."""

    click: Terms = Terms()
    segments: SegmentsSpec | None = None
    """Coefficients of some users; None: all have the common ones."""
    spread: dict[str, float] = Field(default={})
    """Term -> standard deviation between users of its coefficient (a mixed logit): each user
    differs from everybody by a draw that stays the same in all arms and visits."""
    mood: MoodSpec | None = None
    """Satisfaction that is carried over visits; None: every visit begins alike."""
    people: PeopleSpec | None = None
    """Users with a utility, an intent to buy and a patience of their own, as a log of pages shows
    them. Their utility is added to that of ``click``, whose other terms ``footfall fit`` sets to
    0, and theirs replace ``buy`` and the habits of going on. None: only the coefficients here."""
    buy: BuyTerms = BuyTerms()
    habits: Habits = Habits()
    sources: dict[Literal["click", "buy", "habits"], str] = Field(default={})
    """Where the numbers of a group come from, for instance what they were fitted to. A group
    without a source is reported as assumed."""

    def uses(self, term: str) -> bool:
        """Whether a term of ``click`` has a coefficient for anybody."""
        segments = {} if self.segments is None else self.segments.click
        common = getattr(self.click, term) or self.spread.get(term)
        return bool(common) or any(term in terms for terms in segments.values())

    @model_validator(mode="after")
    def _spreads_exist(self) -> BehaviourSpec:
        for name, value in self.spread.items():
            if name not in TERMS:
                raise ValueError(f'spread: no term "{name}"; {did_you_mean(name, TERMS)}')
            if value < 0:
                raise ValueError(f'spread: "{name}" is {value:g}; a spread is at least 0')
        return self


TASTES = (
    "recency",
    "category",
    "approval",
    "quality",
    "appetite",
    "spending",
    "mainstream",
    "era",
    "unknown",
    "novelty",
    "occasion",
    "taste",
)
"""Terms that are 0 until fitted; the order of the columns of ``PageFeatures.tastes``."""


SITUATION = ("trend", "friends")
"""Terms of the moment; the order of the columns of ``PageFeatures.situation``."""
