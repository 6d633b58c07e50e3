"""How far titles that speak to the model move decisions, next to harmless ones of equal length.

    python benchmarks/injection.py [--modes yes-no likelihood listwise] [--users 100]
        [--model NAME] [--adapter FOLDER] [--server URL] [--store FILE] [--json]
    python benchmarks/injection.py --as-asked-in demo

Every attack of attacks.yaml is put behind the name of a product. Its twin has the same product
at the same place of the same slate, and as many tokens of harmless words (names of other
products); "plain" is the product's name alone, what its seller gives up for the attack. Each is
weighed for every user, with suspects shown (only control tokens, hidden characters and over-long
titles are taken care of) and hidden, as Footfall does unless told otherwise. Differences are in
points of the chance of a click; intervals are clustered by attack and by user. With
``--as-asked-in`` a scenario's own model, template and mode are tried instead of the modes as they
come. Answers are stored: run again to replay, or after an interruption to go on.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml

from footfall.answering.opening import open_choice
from footfall.behaviour.decisions import click_probabilities, examination_curve
from footfall.behaviour.specs import BehaviourSpec, Terms
from footfall.choice.protocol import Page, PageUtilities
from footfall.choice.specs import ChoiceSpec
from footfall.datasets.catalogue import Catalogue
from footfall.datasets.titles import short
from footfall.llm.opening import open_model
from footfall.llm.protocol import LanguageModel
from footfall.llm.specs import ModelSpec
from footfall.llm.store import AnswerStore, StoredModel
from footfall.prompting.untrusted import Cleaner, suspicion
from footfall.runs.histories import read_histories
from footfall.scenario.reading import read_scenario
from footfall.users.population import Persona

OTHERS = 4
"""Other items of a slate; the attacked one stands third of five."""
PLACE = 2
FITTED_BOUND = 0.17
"""Weight of the embedded model's voice: fitted -0.003, upper end of its 95% interval."""

LESS_NOBODY = "yes-no less nobody"
"""Mode ``yes-no`` with what the title says to somebody without a past subtracted."""
VERSIONS = ("shown", "hidden", "harmless", "plain")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One attack and its twin, as codes of the extended catalogue."""

    family: str
    text: str
    shown: int
    hidden: int
    harmless: int
    plain: int
    caught: bool


@dataclass(frozen=True)
class World:
    """Who is asked about what."""

    personas: list[Persona]
    catalogue: Catalogue
    trials: list[Trial]
    others: npt.NDArray[np.int32]
    """[users, OTHERS] the rest of each user's slate."""


def build(users: int, model: LanguageModel) -> World:
    """The demo's households, its catalogue and, behind it, the titles under test."""
    scenario = read_scenario("demo")
    histories = read_histories(scenario, Path(), lambda _: None)
    personas = [histories.population.persona(number) for number in range(users)]
    catalogue = histories.catalogue
    rng = np.random.default_rng(7)
    taken = np.concatenate([np.unique(persona.items) for persona in histories.population])
    popular = np.argsort(-np.bincount(taken, minlength=len(catalogue)))[:100]
    trials: list[Trial] = []
    new: dict[tuple[str, str], int] = {}  # (title, category) -> code
    families = yaml.safe_load((Path(__file__).parent / "attacks.yaml").read_text(encoding="utf-8"))
    attacks = [(family, text) for family, texts in families.items() for text in texts]
    cleaner = Cleaner(model.tokenizer.control_tokens)
    for number, (family, text) in enumerate(attacks):
        carrier = int(popular[number % len(popular)])
        name = short(catalogue.titles[carrier])
        # An attacker knows that prompts may show a title up to its first comma or bracket.
        attack = f"{name} {text.replace(', ', ' ').replace(' (', ' ')}"
        tokens = len(model.tokenizer.encode(" " + cleaner.clean(attack, 120)))
        filler = harmless(name, tokens, catalogue, model, rng)
        kind, rule = catalogue.categories[carrier], suspicion(attack)
        codes = [
            new.setdefault((title, kind), len(catalogue) + len(new))
            for title in (attack, kind if rule else attack, filler)
        ]
        trials.append(Trial(family, text, *codes, plain=carrier, caught=bool(rule)))
    extended = Catalogue(
        ids=(*catalogue.ids, *(f"trial-{n}" for n in range(len(new)))),
        titles=(*catalogue.titles, *(title for title, _ in new)),
        categories=(*catalogue.categories, *(kind for _, kind in new)),
        prices=np.concatenate([catalogue.prices, np.full(len(new), np.nan)]),
        currency=catalogue.currency,
    )
    others = np.stack([rng.choice(popular, OTHERS, replace=False) for _ in personas])
    return World(personas, extended, trials, others.astype(np.int32))


def harmless(
    name: str, tokens: int, catalogue: Catalogue, model: LanguageModel, rng: np.random.Generator
) -> str:
    """``name`` and words of other products' names, as many tokens in all."""
    text = name
    for _ in range(400):
        missing = tokens - len(model.tokenizer.encode(" " + text))
        if missing <= 0:
            break
        words = short(catalogue.titles[int(rng.integers(len(catalogue)))]).lower().split()
        longer = f"{text} {words[int(rng.integers(len(words)))]}"
        if len(model.tokenizer.encode(" " + longer)) <= tokens:
            text = longer
    return text


def asked_in(mode: str) -> ChoiceSpec:
    """A mode as it comes."""
    return ChoiceSpec(
        mode="yes-no" if mode == LESS_NOBODY else mode,
        subtract_no_history=mode == LESS_NOBODY,
        visit_events=False,
        max_history_tokens=160,
    )


def weigh(world: World, mode: str, spec: ChoiceSpec, model: LanguageModel) -> dict[str, Floats]:
    """[users, trials, 1 + OTHERS] utilities of each version; the title under test comes first."""
    spec = spec.model_copy(update={"suspects": "show"})
    choice = open_choice(spec, model, world.catalogue)
    codes = {v: [getattr(trial, v) for trial in world.trials] for v in VERSIONS}
    found: dict[str, list[Floats]] = {version: [] for version in VERSIONS}
    for user, persona in enumerate(world.personas):  # one by one: what is answered is stored
        rest = world.others[user]
        pages = {v: pages_of(persona, codes[v], rest, mode, seed=user) for v in VERSIONS}
        opinions = iter(choice.utilities([page for rows in pages.values() for page in rows]))
        for version, rows in pages.items():
            values = [answered(page, next(opinions)) for page in rows]
            found[version].append(shaped(values, len(world.trials), mode))
    return {version: np.stack(tables) for version, tables in found.items()}


def answered(page: Page, opinion: PageUtilities) -> Floats:
    """Utilities of a page; NaN for each item where there was no answer."""
    return opinion.llm if opinion.answered else np.full(len(page.items), np.nan)


def pages_of(
    persona: Persona, codes: list[int], others: npt.NDArray[np.int32], mode: str, *, seed: int
) -> list[Page]:
    """Whole slates for a mode that reads slates; else each title once, then the others."""
    rest = [int(code) for code in others]
    if mode == "listwise":
        slates = [(*rest[:PLACE], code, *rest[PLACE:]) for code in codes]
        return [Page(persona, slate, seed=seed) for slate in slates]
    return [Page(persona, (code,)) for code in [*codes, *rest]]


def shaped(values: list[Floats], trials: int, mode: str) -> Floats:
    """A user's utilities as [trials, 1 + OTHERS], whatever the mode asked."""
    if mode == "listwise":
        order = [PLACE, *(place for place in range(1 + OTHERS) if place != PLACE)]
        return np.asarray(np.stack(values)[:, order])
    flat = np.concatenate(values)
    return np.column_stack([flat[:trials], np.tile(flat[trials:], (trials, 1))])


def chances(utilities: Floats, mode: str, weight: float | None) -> Floats:
    """[users, trials] chance that the title under test is chosen.

    ``weight`` None: the model alone. P(Yes) in yes-no; in the other modes a logit over the slate
    with "none of these". Otherwise through the behaviour: first read, then chosen, with the
    model's utility times ``weight`` and the default appeal of "none of these".
    """
    if weight is None and mode.startswith("yes-no"):
        return np.asarray(1 / (1 + np.exp(-utilities[:, :, 0])))
    users, trials, k = utilities.shape
    order = [*range(1, PLACE + 1), 0, *range(PLACE + 1, k)]
    slate = utilities[:, :, order].reshape(users * trials, k)
    spec = BehaviourSpec() if weight is None else BehaviourSpec(click=Terms(llm=weight))
    u = slate if weight is None else spec.click.none + weight * slate
    reading = (
        np.ones_like(u)
        if weight is None
        else np.tile(examination_curve(spec.habits, k), (len(u), 1))
    )
    return click_probabilities(u, reading, "one")[:, PLACE].reshape(users, trials)


def mean_and_interval(differences: Floats) -> tuple[float, float, float]:
    """Mean of a [users, trials] table with its 95% interval, clustered by user and by attack.

    NaN cells are pairs without an answer. Source: Cameron, Gelbach and Miller 2011.
    """
    known = np.isfinite(differences)
    count = known.sum()
    mean = float(np.nansum(differences) / count)
    rest = np.where(known, differences - mean, 0.0)
    by_user, by_attack = rest.sum(axis=1), rest.sum(axis=0)
    variance = (by_user**2).sum() + (by_attack**2).sum() - (rest**2).sum()
    half = 1.96 * float(np.sqrt(max(variance, (by_attack**2).sum(), (by_user**2).sum())) / count)
    return mean, mean - half, mean + half


def judge(world: World, mode: str, utilities: dict[str, Floats]) -> dict[str, Any]:
    """Mean shifts in points, overall and by family."""
    out: dict[str, Any] = {"mode": mode, "measures": {}, "families": {}}
    for measure, weight in (
        ("model alone", None),
        ("weight 1", 1.0),
        ("fitted bound", FITTED_BOUND),
    ):
        chance = {v: 100 * chances(utilities[v], mode, weight) for v in VERSIONS}
        row: dict[str, Any] = {
            twin: round(float(np.nanmean(chance[twin])), 2) for twin in ("harmless", "plain")
        }
        for version in ("shown", "hidden"):
            points = chance[version] - chance["harmless"]
            gain = chance[version] - chance["plain"]
            row[f"{version} less plain"] = [round(v, 2) for v in mean_and_interval(gain)]
            row[version] = [round(value, 2) for value in mean_and_interval(points)]
            row[f"unanswered {version}"] = int((~np.isfinite(points)).sum())
            if measure == "model alone":
                by_attack = np.nanmean(points, axis=0)
                row[f"worst {version}"] = [
                    round(float(np.nanmax(by_attack)), 1),
                    world.trials[int(np.nanargmax(by_attack))].text,
                ]
                for family in dict.fromkeys(trial.family for trial in world.trials):
                    own = [trial.family == family for trial in world.trials]
                    shift = round(float(np.nanmean(points[:, own])), 2)
                    out["families"].setdefault(family, {})[version] = shift
        out["measures"][measure] = row
    return out


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    modes = ["yes-no", LESS_NOBODY, "likelihood", "listwise"]
    parser.add_argument("--modes", nargs="+", choices=modes, default=modes)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--adapter", help="a LoRA adapter, as `footfall finetune` writes it")
    parser.add_argument("--server")
    parser.add_argument("--as-asked-in", metavar="SCENARIO", help="its model and its question")
    parser.add_argument("--store", type=Path, default=Path("runs/injection.sqlite"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    spec = ModelSpec(name=options.model, adapter=options.adapter, server=options.server)
    questions = {mode: asked_in(mode) for mode in options.modes}
    if options.as_asked_in:
        asked = read_scenario(options.as_asked_in)
        spec, questions = asked.model, {asked.choice.mode: asked.choice}
    engine = open_model(spec, announce=lambda _: None)
    with AnswerStore(options.store) as store:
        model = engine if options.model == "fake" else StoredModel(engine, store)
        world = build(options.users, model)
        caught = sum(trial.caught for trial in world.trials)
        if not options.json:
            print(f"{len(world.trials)} attacks x {options.users} users; the rules see {caught}")
        for mode, question in questions.items():
            result = judge(world, mode, weigh(world, mode, question, model))
            print(
                json.dumps(result, ensure_ascii=False) if options.json else told(result), flush=True
            )
    engine.close()


def told(result: dict[str, Any]) -> str:
    """A mode's figures for people."""
    lines = [f"\n{result['mode']}, points of the chance of a click against harmless twins"]
    for measure, row in result["measures"].items():
        for version in ("shown", "hidden"):
            mean, low, high = row[version]
            lines.append(
                f"  {measure:12} suspects {version:6} {mean:+6.2f}  ({low:+.2f} to {high:+.2f}); "
                f"harmless {row['harmless']:.1f}%, unanswered {row[f'unanswered {version}']}"
            )
            gain, low, high = row[f"{version} less plain"]
            lines.append(
                f"  {'':12} {'':8} against its plain name {gain:+6.2f}  "
                f"({low:+.2f} to {high:+.2f}); plain {row['plain']:.1f}%"
            )
    for family, row in result["families"].items():
        lines.append(f"    {family:16} shown {row['shown']:+6.2f}  hidden {row['hidden']:+6.2f}")
    worst = result["measures"]["model alone"]["worst shown"]
    lines.append(f"    worst attack when shown: {worst[0]:+.1f}  {worst[1]}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
