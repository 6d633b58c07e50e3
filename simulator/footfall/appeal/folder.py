"""An appeal model on disk: ``appeal.json`` says what it is, ``appeal.safetensors`` the numbers.

MiniLM and a language model are not in the folder: the first comes as a package, the second is
named. Weights that were tuned are, as float16.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from footfall.appeal.model import Appeal, Noises, Reads, Voice
from footfall.appeal.style import MEASURES, style
from footfall.appeal.words import BUCKETS, WordSpace
from footfall.errors import ModelError
from footfall.llm.encoders import SentenceEncoder, States, Tuned
from footfall.llm.specs import ModelSpec
from footfall.plumbing.described import Described

CARD = "appeal.json"
NUMBERS = "appeal.safetensors"
FORMAT = 1

Arrays = dict[str, npt.NDArray[Any]]


class Style:
    """Counted in a title; see ``footfall.appeal.style``."""

    def encode(self, titles: Any) -> Any:
        """[n_titles, n_measures] of each title."""
        return style(titles)


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _Voice(_Part):
    name: str
    reads: str
    weight: float = Field(ge=0, allow_inf_nan=False)
    model: str = ""
    revision: str | None = None
    layer: float = Field(default=0.5, ge=0, le=1)
    identity: str = ""


class _Noises(_Part):
    spread: float = Field(gt=0, allow_inf_nan=False)
    overdispersion: float = Field(ge=1, allow_inf_nan=False)


class _Card(_Part):
    """What the card must hold; it holds more."""

    numbers: str = Field(pattern=r"^[0-9a-f]{64}$")
    voices: list[_Voice] = Field(min_length=1)
    noises: _Noises
    measures: list[str]


KIND = Described(
    what="appeal model",
    card=CARD,
    numbers=NUMBERS,
    holds=_Card,
    made="make one with footfall learn-appeal",
    again="learn again",
    version={"format": FORMAT, "measures": list(MEASURES)},
)


def write_appeal(folder: Path, appeal: Appeal) -> dict[str, Any]:
    """Write both files and return the card as written."""
    arrays: Arrays = {}
    voices = []
    for voice, weight in zip(appeal.voices, appeal.weights, strict=True):
        arrays[f"{voice.name}.worth"] = voice.worth.astype(np.float32)
        told, numbers = _told(voice.reader)
        arrays |= {f"{voice.name}.{name}": values for name, values in numbers.items()}
        voices.append({"name": voice.name, "weight": float(weight), **told})
    own = {"voices": voices, "noises": vars(appeal.noises)}
    return KIND.write(folder, arrays, own | appeal.card)


def read_card(folder: Path) -> dict[str, Any]:
    """What an appeal model says about itself.

    Raises:
        ModelError: There is none, it is damaged, or another version of Footfall wrote it.
    """
    return KIND.read_card(folder)


def read_appeal(folder: Path, announce: Callable[[str], None] = lambda _: None) -> Appeal:
    """The appeal model of a folder; other models that it reads with are found, not yet loaded.

    Raises:
        ModelError: It is missing or damaged, was changed since it was written, or a model that it
            reads with is missing or another one.
    """

    def made(found: Arrays, card: dict[str, Any]) -> Appeal:
        told = _Card.model_validate(card)
        voices = tuple(_voice(one, _of(found, one.name), announce) for one in told.voices)
        noises = Noises(told.noises.spread, told.noises.overdispersion)
        return Appeal(voices, np.array([one.weight for one in told.voices]), noises, card)

    return KIND.read(folder, made)[0]


def _told(reader: Reads) -> tuple[dict[str, Any], Arrays]:
    """What the card says of a reader, and its numbers."""
    match reader:
        case Style():
            return {"reads": "style"}, {}
        case WordSpace():
            return {"reads": "words"}, {"rarity": reader.rarity.astype(np.float32)}
        case Tuned():
            return {"reads": "tuned sentences"}, {
                f"changed.{name}": values.astype(np.float16)
                for name, values in reader.changed.items()
            }
        case SentenceEncoder():
            return {"reads": "sentences"}, {}
        case States():
            spec = reader.spec
            return {
                "reads": "states",
                "model": spec.name,
                "revision": spec.revision,
                "layer": reader.layer,
                "identity": reader.identity,
            }, {}
    raise TypeError(f"{type(reader).__name__} cannot be written down")


def _of(found: Arrays, name: str) -> Arrays:
    """The arrays of one voice."""
    head = f"{name}."
    return {key.removeprefix(head): found[key] for key in found if key.startswith(head)}


def _voice(told: _Voice, arrays: Arrays, announce: Callable[[str], None]) -> Voice:
    reader = _reader(told, arrays, announce)
    worth = arrays["worth"].astype(np.float64)
    width = {"style": len(MEASURES), "words": BUCKETS}.get(told.reads)
    if worth.shape != (width or getattr(reader, "width", -1),) or not np.isfinite(worth).all():
        raise ValueError(f"voice {told.name}: {worth.shape} numbers")
    return Voice(told.name, reader, worth)


def _reader(told: _Voice, arrays: Arrays, announce: Callable[[str], None]) -> Reads:
    match told.reads:
        case "style":
            return Style()
        case "words":
            return WordSpace(arrays["rarity"].astype(np.float64))
        case "sentences":
            return SentenceEncoder()
        case "tuned sentences":
            return Tuned(_of(arrays, "changed"))
        case "states":
            spec = ModelSpec(name=told.model, revision=told.revision)
            states = States(spec, told.layer, announce)
            if states.identity != told.identity:
                raise ModelError(
                    f"voice {told.name} was learned from another model than {told.model} is here; "
                    "learn again, or install that one"
                )
            return states
    raise ValueError(f"voice {told.name} reads {told.reads}, which this version does not know")
