"""An appeal model on disk: ``appeal.json`` says what it is, ``appeal.safetensors`` the numbers.

Nothing in the folder can run code when it is read. MiniLM and a language model are not in it;
the first comes as a package, the second is named; weights that were tuned are, as float16.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from footfall.appeal.model import Appeal, Noises, Reads, Voice
from footfall.appeal.style import MEASURES, style
from footfall.appeal.words import BUCKETS, WordSpace
from footfall.errors import ModelError, one_line
from footfall.llm.encoders import SentenceEncoder, States, Tuned
from footfall.llm.specs import ModelSpec
from footfall.plumbing.described import numbers_of, old_numbers_kept
from footfall.plumbing.files import file_hash, replacing, write_text
from footfall.plumbing.json_files import read_object
from footfall.plumbing.spec import fault

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


def write_appeal(folder: Path, appeal: Appeal) -> dict[str, Any]:
    """Write both files and return the card as written."""
    arrays: Arrays = {}
    voices = []
    for voice, weight in zip(appeal.voices, appeal.weights, strict=True):
        arrays[f"{voice.name}.worth"] = voice.worth.astype(np.float32)
        told, numbers = _told(voice.reader)
        arrays |= {f"{voice.name}.{name}": values for name, values in numbers.items()}
        voices.append({"name": voice.name, "weight": float(weight), **told})
    path = folder / NUMBERS
    with old_numbers_kept(path):
        with replacing(path) as sink:
            sink.write(save({name: np.ascontiguousarray(one) for name, one in arrays.items()}))
        whole = {
            "format": FORMAT,
            "numbers": file_hash(path),
            "voices": voices,
            "noises": vars(appeal.noises),
            "measures": list(MEASURES),
            **appeal.card,
        }
        write_text(folder / CARD, json.dumps(whole, indent=1, ensure_ascii=False))
    return whole


def read_card(folder: Path) -> dict[str, Any]:
    """What an appeal model says about itself.

    Raises:
        ModelError: There is none, it is damaged, or another version of Footfall wrote it.
    """
    path = folder / CARD
    try:
        card = read_object(path)
    except FileNotFoundError:
        raise ModelError(
            f"no appeal model in {folder}: {CARD} is missing; make one with footfall learn-appeal"
        ) from None
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {one_line(error)}; learn again") from None
    if card.get("format") != FORMAT or card.get("measures") != list(MEASURES):
        raise ModelError(f"{path} was written by another version of Footfall; learn again")
    try:
        _Card.model_validate(card)
    except ValidationError as error:
        raise ModelError(f"{path}: {fault(error)}; learn again") from None
    return card


def read_appeal(folder: Path, announce: Callable[[str], None] = lambda _: None) -> Appeal:
    """The appeal model of a folder; other models that it reads with are found, not yet loaded.

    Raises:
        ModelError: It is missing or damaged, was changed since it was written, or a model that it
            reads with is missing or another one.
    """
    card, path = read_card(folder), folder / NUMBERS
    if not path.exists():
        raise ModelError(f"{path} is missing; learn again")
    numbers = numbers_of(path, card["numbers"])
    if numbers is None:
        raise ModelError(f"{path} is not the one that {CARD} describes; learn again")
    told = _Card.model_validate(card)
    try:
        found = load_file(numbers)
        voices = tuple(_voice(one, _of(found, one.name), announce) for one in told.voices)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        reason = one_line(error, 200)
        raise ModelError(f"{folder} holds a damaged appeal model ({reason}); learn again") from None
    noises = Noises(told.noises.spread, told.noises.overdispersion)
    return Appeal(voices, np.array([one.weight for one in told.voices]), noises, card)


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
