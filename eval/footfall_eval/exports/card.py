"""The data card: what an export is, how it was made, and what not to do with it."""

from __future__ import annotations

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from footfall_eval.exports.formats import TABLES, Format
from footfall_eval.exports.source import Exported
from footfall_eval.reading.load import RunLog
from footfall_eval.reading.validity import read_validity


def card(log: RunLog, exported: Exported, name: str, spec: Format, *, own_key: bool) -> str:
    """A data card in Markdown (Gebru et al. 2021, "Datasheets for Datasets", for the questions).

    Args:
        log: The run.
        exported: What was written; its counts are shown.
        name: The format's name.
        spec: The format.
        own_key: The user gave the key of the pseudonyms.
    """
    manifest = log.manifest
    scenario, dataset = log.scenario, manifest.get("dataset") or {}
    model = manifest.get("model") or {}
    key_words = (
        "The key was given (`--key`): whoever has it can link exports and try ids."
        if own_key
        else "The key was drawn for this export and forgotten, so exports cannot be linked."
    )
    environment = Environment(
        loader=PackageLoader("footfall_eval", "exports"),
        autoescape=True,  # titles and names come from strangers, and Markdown may hold HTML
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    return environment.get_template("card.md.j2").render(
        huggingface=name == "huggingface",
        name=_line(scenario.get("name") or log.path.name),
        version=manifest.get("footfall") or "of an unknown version",
        about=_line(scenario.get("about") or ""),
        tables=tuple(TABLES),
        validity=read_validity(log).sentence(),
        format=name,
        format_about=spec.about,
        further=" ".join([spec.further_columns, *exported.remarks]).strip(),
        written=f"{pd.Timestamp.now('UTC'):%Y-%m-%d}",
        counts=exported.counts,
        arms=exported.arms,
        design=log.design,
        seed=scenario.get("seed", "unknown"),
        model=f"habits, and the model {model['name']}" if model else "unknown",
        dataset=dataset.get("dataset") or "unknown",
        split=dataset.get("split") or "an unknown moment",
        licence=_line(dataset.get("licence") or "unknown: ask before you share this"),
        source_about=_line(dataset.get("about") or ""),
        hashes=(manifest.get("recorded") or {}).get("hashes") or {},
        cautions=[_line(caution) for caution in log.cautions()],
        keep_ids=exported.terms.keep_ids,
        key_words=key_words,
        profiles=exported.terms.profiles,
        anonymity=exported.terms.anonymity,
    )


def _line(text: object) -> str:
    return " ".join(str(text).split())
