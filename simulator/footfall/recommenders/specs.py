"""Recommenders as a scenario file writes them.

    arms:
      - {name: now, recommender: {kind: popular}}
      - {name: new, recommender: {kind: implicit, algorithm: als, factors: 64}}

Unknown kinds and unknown options are refused with the nearest known name.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    Field,
    SerializeAsAny,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from footfall.errors import ScenarioError, did_you_mean
from footfall.plumbing import plugins
from footfall.plumbing.secrets import EnvName, NoCredentials
from footfall.plumbing.spec import SPEC

GROUP = "footfall.recommenders"
"""Entry points by kind: the function that makes a recommender of its options."""

Action = Literal["view", "click", "cart", "purchase", "rate"]


class _Spec(BaseModel):
    model_config = SPEC


class Positive(_Spec):
    """Which interactions mean that a user liked an item."""

    action: Action
    """The action that counts."""
    min_value: float | None = None
    """Smallest ``value`` (stars of a rating, money of a purchase); none: any value counts."""


def _retrain(value: Any) -> Any:
    """One message where a union would give one for each of its sides."""
    if value in ("never", "epoch") or (type(value) is int and value >= 1):
        return value
    raise ValueError("must be never, epoch, or a number of epochs from 1")


class _Trained(_Spec):
    """Options of the recommenders that Footfall trains itself."""

    positive: Positive | None = None
    """What to learn from; by default purchases, and ratings of 3.5 or more."""
    exclude_known: bool = False
    """Leave out what the user has bought or rated (films: yes; groceries are bought again)."""
    retrain: Annotated[Literal["never", "epoch"] | int, BeforeValidator(_retrain)] = "never"
    """``epoch``: learn from the arm's simulated events too, anew after every epoch. A number:
    after every so many epochs."""
    window_days: float | None = Field(default=None, gt=0)
    """Learn from so many days only, back from the newest event; all unless told. What a user
    knows already (``exclude_known``) is never forgotten."""

    @property
    def retrains(self) -> bool:
        """Whether it ever learns from simulated events."""
        return self.retrain != "never"


class RandomSpec(_Trained):
    """Items drawn uniformly, anew for every page."""

    kind: Literal["random"]


class PopularSpec(_Trained):
    """The items with most positive interactions, the same for everyone."""

    kind: Literal["popular"]


class ShuffledSpec(_Trained):
    """The most popular items in a random order, anew for every page: a control for ranking."""

    kind: Literal["shuffled"]
    pool: int = Field(default=100, ge=1)
    """How many of the most popular items (not yet shown in the visit) are shuffled."""


class ItemKnnSpec(_Trained):
    """Items like those the user liked: LensKit's ``ItemKNNScorer`` on implicit feedback."""

    kind: Literal["item-knn"]
    neighbours: int = Field(default=20, ge=1)
    """Liked items that vote on a candidate, at most (items)."""
    min_similarity: float = Field(default=1e-6, gt=0, lt=1)
    """Cosine similarity below which two items are no neighbours."""
    saved_neighbours: int | None = Field(default=200, ge=1)
    """Most similar items kept for each item (items); null keeps all, slower and larger."""


class ImplicitSpec(_Trained):
    """Matrix factorisation on implicit feedback.

    ``als`` is LensKit's ``ImplicitMFScorer`` (Hu, Koren, Volinsky 2008); ``bpr`` is the
    ``implicit`` package's Bayesian personalised ranking (Rendle et al. 2009), run on one
    thread because it is not reproducible on several (benfred/implicit issue 710).
    """

    kind: Literal["implicit"]
    algorithm: Literal["als", "bpr"] = "als"
    """How the factors are found."""
    factors: int = Field(default=50, ge=1)
    """Numbers that describe a user or an item."""
    epochs: int | None = Field(default=None, ge=1)
    """Passes over the training data; 10 for als and 100 for bpr if not given."""
    regularization: float | None = Field(default=None, gt=0)
    """L2 penalty on the factors; 0.1 for als and 0.01 for bpr if not given."""
    weight: float | None = Field(default=None, gt=0)
    """Only als: extra confidence of a positive over an absent pair; 40 if not given."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Only bpr: step size of stochastic gradient descent; 0.01 if not given."""

    @model_validator(mode="after")
    def _options_of_the_algorithm(self) -> ImplicitSpec:
        foreign = {"als": "learning_rate", "bpr": "weight"}[self.algorithm]
        if getattr(self, foreign) is not None:
            raise ValueError(f'"{foreign}" has no effect with algorithm "{self.algorithm}"')
        return self


class TableSpec(_Spec):
    """Slates computed elsewhere: one row an item of a user's ranking."""

    kind: Literal["table"]
    path: Path
    """CSV or Parquet with user,item,rank[,score,propensity]; relative to the scenario file."""


class CallableSpec(_Spec):
    """Your own Python code."""

    kind: Literal["callable"]
    target: str = Field(pattern=r"^[\w.]+:[\w.]+$")
    """``module:name``; modules beside the scenario file are found."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments for it."""


class HttpSpec(_Spec):
    """A service that answers JSON over HTTP."""

    kind: Literal["http"]
    url: Annotated[str, NoCredentials] = Field(pattern=r"^https?://[^@\s]+$")
    """Where requests are posted. No credentials here: use ``headers_env``."""
    timeout: float = Field(default=5.0, gt=0)
    """Longest silence of the server, for connecting and for each read (seconds). An answer as a
    whole may take ten times as long."""
    batch: int = Field(default=64, ge=1)
    """Most recommendation requests in one POST."""
    concurrency: int = Field(default=4, ge=1, le=1024)
    """POSTs under way at the same time."""
    retries: int = Field(default=3, ge=0)
    """Further tries after a refused or broken connection, status 429 or 5xx."""
    max_wait: float = Field(default=5.0, gt=0)
    """Longest pause before a further try (seconds)."""
    max_retry_after: float = Field(default=60.0, ge=0)
    """Longest pause that the service may ask for with ``Retry-After`` (seconds); where it asks
    for more, the request fails."""
    headers_env: dict[str, EnvName] = Field(default_factory=dict)
    """HTTP header -> name of the environment variable that holds its value."""
    update_url: Annotated[str, NoCredentials] | None = Field(
        default=None, pattern=r"^https?://[^@\s]+$"
    )
    """Where the events of each epoch are posted, if the service wants to learn from them."""


_Kinds = (
    RandomSpec
    | PopularSpec
    | ShuffledSpec
    | ItemKnnSpec
    | ImplicitSpec
    | TableSpec
    | CallableSpec
    | HttpSpec
)

KINDS: dict[str, type[BaseModel]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(_Kinds)
}
"""Every kind of recommender by the name that a scenario uses."""


def _helpful(raw: object, check: ValidatorFunctionWrapHandler) -> Any:
    """Refuse unknown kinds and options with a hint, before pydantic says less about them."""
    if not isinstance(raw, Mapping):
        return check(raw)
    known = {*KINDS, *plugins.entries(GROUP)}
    if "kind" not in raw:
        raise ValueError(f"kind is missing; {did_you_mean('', known)}")
    kind = str(raw["kind"])
    if kind not in known:
        raise ValueError(f'there is no recommender of kind "{kind}"; {did_you_mean(kind, known)}')
    model = KINDS.get(kind)
    if model is None:
        return plugins.parsed(GROUP, raw)
    for key in raw:
        if key not in model.model_fields:
            raise ValueError(
                f'recommender "{raw["kind"]}" has no option "{key}"; '
                f"{did_you_mean(str(key), model.model_fields)}"
            )
    return check(raw)


RecommenderSpec = Annotated[
    SerializeAsAny[Annotated[_Kinds, Field(discriminator="kind")]], WrapValidator(_helpful)
]
"""One recommender under test; usable as a field of any pydantic model. Kinds of other packages
are models of theirs: see ``footfall.plumbing.plugins.parsed``."""

_ADAPTER: TypeAdapter[_Kinds] = TypeAdapter(RecommenderSpec)


def parse_spec(raw: Mapping[str, Any], where: str = "recommender") -> _Kinds:
    """Read one recommender of a scenario.

    Raises:
        ScenarioError: with ``where`` in front; one line, all problems of this recommender.
    """
    try:
        return _ADAPTER.validate_python(raw)
    except ValidationError as error:
        raise ScenarioError(f"{where}: {'; '.join(map(_problem, error.errors()))}") from None


def _problem(detail: Any) -> str:
    message: str = detail["msg"].removeprefix("Value error, ")
    # the first step of the path is the kind, which the reader has just written
    place = ".".join(str(step) for step in detail["loc"][1:])
    return f"{place}: {message}" if place else message
