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
    Field,
    SerializeAsAny,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from footfall.errors import ScenarioError, did_you_mean
from footfall.plumbing import plugin_options, plugins
from footfall.plumbing.secret_specs import EnvName, NoCredentials
from footfall.plumbing.spec import Spec
from footfall.recommenders.trained_specs import (
    ContentSpec,
    EaseSpec,
    HybridSpec,
    ImplicitSpec,
    ItemKnnSpec,
    PopularSpec,
    RandomSpec,
    SequentialSpec,
    ShuffledSpec,
    SlimSpec,
    UserKnnSpec,
)

GROUP = "footfall.recommenders"
"""Entry points by kind: the function that makes a recommender of its options."""


class TableSpec(Spec):
    """Slates computed elsewhere: one row an item of a user's ranking."""

    kind: Literal["table"]
    path: Path
    """CSV or Parquet with user,item,rank[,score,propensity]; relative to the scenario file."""


class CallableSpec(Spec):
    """Your own Python code."""

    kind: Literal["callable"]
    target: str = Field(pattern=r"^[\w.]+:[\w.]+$")
    """``module:name``; modules beside the scenario file are found."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Keyword arguments for it."""


class HttpSpec(Spec):
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
    | UserKnnSpec
    | EaseSpec
    | SlimSpec
    | ImplicitSpec
    | ContentSpec
    | SequentialSpec
    | HybridSpec
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
        return plugin_options.parsed(GROUP, raw)
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
are models of theirs: see ``footfall.plumbing.plugin_options.parsed``."""

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
