"""Recommenders that Footfall trains itself, as a scenario file writes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, field_serializer, model_validator

from footfall.plumbing.spec import Spec

Action = Literal["view", "click", "cart", "purchase", "rate"]


class Positive(Spec):
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


class TrainedSpec(Spec):
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


class RandomSpec(TrainedSpec):
    """Items drawn uniformly, anew for every page."""

    kind: Literal["random"]


class PopularSpec(TrainedSpec):
    """The items with most positive interactions, the same for everyone."""

    kind: Literal["popular"]


class ShuffledSpec(TrainedSpec):
    """The most popular items in a random order, anew for every page: a control for ranking."""

    kind: Literal["shuffled"]
    pool: int = Field(default=100, ge=1)
    """How many of the most popular items (not yet shown in the visit) are shuffled."""


class ItemKnnSpec(TrainedSpec):
    """Items like those the user liked: LensKit's ``ItemKNNScorer`` on implicit feedback."""

    kind: Literal["item-knn"]
    neighbours: int = Field(default=20, ge=1)
    """Liked items that vote on a candidate, at most (items)."""
    min_similarity: float = Field(default=1e-6, gt=0, lt=1)
    """Cosine similarity below which two items are no neighbours."""
    saved_neighbours: int | None = Field(default=200, ge=1)
    """Most similar items kept for each item (items); null keeps all, slower and larger."""


class ImplicitSpec(TrainedSpec):
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
            raise ValueError(
                f'"{foreign}" has no effect with algorithm "{self.algorithm}"; remove it'
            )
        return self


class UserKnnSpec(TrainedSpec):
    """What users alike took: LensKit's ``UserKNNScorer`` on implicit feedback."""

    kind: Literal["user-knn"]
    neighbours: int = Field(default=30, ge=1)
    """Users alike who vote on an item, at most (users)."""
    min_similarity: float = Field(default=1e-6, gt=0, lt=1)
    """Cosine similarity below which two users are no neighbours."""


class EaseSpec(TrainedSpec):
    """A linear autoencoder in closed form: LensKit's ``EASEScorer`` (Steck, WWW 2019).

    Its matrix has as many cells as items squared: 20,000 items take 1.6 GB.
    """

    kind: Literal["ease"]
    regularization: float = Field(default=100.0, gt=0)
    """Added to the diagonal of the co-occurrence matrix; more for more users."""


class SlimSpec(TrainedSpec):
    """A sparse linear model: LensKit's ``SLIMScorer`` (Ning and Karypis, ICDM 2011)."""

    kind: Literal["slim"]
    l1: float = Field(default=1.0, gt=0)
    """Penalty on absolute weights: more leaves fewer items that vote."""
    l2: float = Field(default=1.0, gt=0)
    """Penalty on squared weights."""
    neighbours: int | None = Field(default=None, ge=1)
    """Most similar items that may vote on an item (fsSLIM); all unless told: slower."""


class ContentSpec(TrainedSpec):
    """Items whose texts are like those of what the user liked, whoever else liked them.

    The one kind here that shows items which nobody has taken yet.
    """

    kind: Literal["content"]
    by: Literal["words", "sentences", "language-model"] = "words"
    """TF-IDF over words (scikit-learn), embeddings by all-MiniLM-L6-v2, or the mean last states of
    a language model."""
    attributes: tuple[str, ...] = ()
    """Columns of the items table that are read beside title and category."""
    model: str | None = None
    """Only by language-model: its folder, its name on the Hugging Face hub, or embedded, which it
    is if not given."""

    @model_validator(mode="after")
    def _a_model_needs_its_kind(self) -> ContentSpec:
        if self.model is not None and self.by != "language-model":
            raise ValueError(f'"model" has no effect by "{self.by}"; remove it')
        return self


class SequentialSpec(TrainedSpec):
    """What comes next after the newest takings: a small GRU4Rec (Hidasi et al., ICLR 2016)."""

    kind: Literal["sequential"]
    width: int = Field(default=32, ge=1, le=1024)
    """Numbers that describe an item or a state."""
    length: int = Field(default=30, ge=2, le=500)
    """Newest takings that are read."""
    epochs: int = Field(default=12, ge=1)
    """Passes over the sequences."""
    most_sequences: int = Field(default=20_000, ge=1)
    """Pieces of histories that are learned from, drawn; bounds the time."""


Component = Annotated[
    PopularSpec
    | ItemKnnSpec
    | UserKnnSpec
    | EaseSpec
    | SlimSpec
    | ImplicitSpec
    | ContentSpec
    | SequentialSpec,
    Field(discriminator="kind"),
]
"""A recommender that can be a part of a hybrid: it scores all items."""


class HybridSpec(TrainedSpec):
    """Several recommenders with one voice."""

    kind: Literal["hybrid"]
    of: tuple[Component, ...] = Field(min_length=2)
    """Its parts; ``positive``, ``exclude_known``, ``retrain`` and ``window_days`` are written for
    the hybrid as a whole."""
    how: Literal["mean", "log-mean", "vote"] = "mean"
    """``mean`` of the parts' chances for each item, the mean of their logarithms, or a ``vote`` by
    rank (reciprocal rank fusion: Cormack, Clarke and Buettcher, SIGIR 2009)."""
    weights: tuple[float, ...] | None = None
    """How much each part counts; equally unless told."""

    @field_serializer("of")
    def _parts_without_what_is_the_hybrids(self, parts: tuple[BaseModel, ...]) -> list[Any]:
        """So that what a manifest keeps can be read again."""
        return [
            part.model_dump(mode="json", exclude=set(TrainedSpec.model_fields)) for part in parts
        ]

    @model_validator(mode="after")
    def _one_weight_a_part(self) -> HybridSpec:
        if self.weights is not None and (
            len(self.weights) != len(self.of) or min(self.weights) < 0 or not sum(self.weights)
        ):
            raise ValueError(f"weights: {len(self.of)} numbers of 0 or more, not all 0")
        for part in self.of:
            common = part.model_fields_set & set(TrainedSpec.model_fields)
            if common:
                name = min(common)
                raise ValueError(f'"{name}" of part "{part.kind}": write it beside "of" instead')
        return self
