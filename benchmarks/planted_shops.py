"""Do simulated users foresee the A/B test? Planted shops, whose truth is known, say so.

    python benchmarks/planted_shops.py [--kinds fashion,grocery,media] [--seeds 1,2] [--out FOLDER]
        [--label NAME] [--population 800] [--users 800] [--items 400] [--futures 30] [--redo STEP]
        [--leak] [--shops KIND-SEED,...] [--keep NAME]

Each shop is planted, then goes the way of the README: ``footfall fit``, ``run``, ``compare``. Ten
arms have learned from the log before the split; the truth is 30 futures of every user under each.
NDCG and SNIPS on 14 later days of the log are what an engineer has without simulated users.

Every step is kept: a second call goes on where the first one stopped. Shops and truths lie in
``FOLDER/KIND-SEED``, what Footfall made of them in ``FOLDER/KIND-SEED/NAME``: one label a version
of Footfall compares versions on the same shops. ``--redo fit|run|compare`` does a step and those
after it again. The table goes to stdout and ``FOLDER/NAME.md``, all scores to ``FOLDER/NAME.json``.
``--kinds all`` has the odd shops too. ``--leak`` adds an arm that saw the judged days: it counts in
no row of the table, but what ``compare`` says of it is printed. ``--shops`` names shops one by one.
``--keep`` writes the shops together, ordinary and odd apart, for docs/believe.md (`make figures`),
which says what each name stands for.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from figures import keep

TESTS = Path(__file__).resolve().parents[1] / "tests" / "worlds"
sys.path.insert(0, str(TESTS))

from planted import KINDS, ORDINARY, plant, write  # noqa: E402
from planted.arms import LEAK, ORACLE, TEN, policies, serve  # noqa: E402
from planted.reference import ndcg, snips  # noqa: E402
from planted.scoring import Estimate, Score, score  # noqa: E402
from planted.truth import foretell  # noqa: E402

OUTCOMES = ("clicks", "purchases")
STEPS = ("fit", "run", "compare")
KEPT = (
    "planted-shops",
    "ordinary-again",
    "unknown-rules",
    "exam-before",
    "exam-after",
    "fresh-again",
    "coming-back",
)
FOOTFALL = str(Path(sys.executable).with_name("footfall"))

Scores = dict[str, dict[str, dict[str, Score]]]
"""Estimate -> outcome -> "all" or "without the oracle" -> score, of one shop."""


def main() -> None:
    """Plant, simulate, compare, and print how well the truth was foreseen."""
    options = _options()
    found: dict[str, dict[int, Scores]] = {}
    for kind, seed in options.shops:
        folder = options.out / f"{kind}-{seed}"
        known = planted(folder, kind, seed, options)
        compared = simulated(folder, options)
        if compared is None:
            continue
        found.setdefault(kind, {})[seed] = judge(known, compared)
        print(f"{kind} {seed}: {one_line(found[kind][seed])}", flush=True)
        if options.leak:
            print(of_leak(known, compared), flush=True)
    if not found:
        sys.exit("no shop came to its end")
    text = "\n\n".join(table(found, outcome) for outcome in OUTCOMES)
    print(f"\n{text}")
    (options.out / f"{options.label}.md").write_text(text + "\n", encoding="utf-8")
    flat = {kind: {seed: plain(one) for seed, one in of.items()} for kind, of in found.items()}
    (options.out / f"{options.label}.json").write_text(json.dumps(flat, indent=1), encoding="utf-8")
    if options.keep:
        shops = ",".join(f"{kind}-{seed}" for kind, seed in options.shops)
        command = f"python benchmarks/planted_shops.py --shops {shops} --keep {options.keep}"
        keep(options.keep, command, {f"{of}": together(found, of) for of in OUTCOMES})


def planted(folder: Path, kind: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """The shop in ``folder``, made if it is not there yet: its truth, NDCG and SNIPS."""
    sizes = {"users": options.users, "items": options.items, "futures": options.futures}
    names = [*TEN, *[LEAK] * options.leak]
    made = {**sizes, "arms": names, "code": _digest()}
    path = folder / "truth.json"
    if path.exists():
        known: dict[str, Any] = json.loads(path.read_text())
        if known["made"] == made:
            return known
        # What was measured on another shop is no result any more.
        shutil.rmtree(folder)
    began = time.monotonic()
    shop = plant(kind, seed, users=options.users, items=options.items)
    scenario = write(shop, folder, serve(shop, folder, names))
    arms = policies(shop, scenario, names)
    truth = foretell(shop, arms, options.futures)
    known = {"made": made, "arms": names, "seconds": 0.0}
    for outcome in OUTCOMES:
        weighed = snips(shop, arms, outcome)
        known[outcome] = {
            "true": truth.value(outcome).tolist(),
            "error": truth.error(outcome).tolist(),
            "ndcg": ndcg(shop, arms, outcome).tolist(),
            "snips": {key: value.tolist() for key, value in asdict(weighed).items()},
        }
    known["seconds"] = round(time.monotonic() - began, 1)
    path.write_text(json.dumps(known, indent=1), encoding="utf-8")
    return known


def _digest() -> str:
    """Of the code that makes shops."""
    files = sorted(path for path in (TESTS / "planted").glob("*.py") if path.stem != "scoring")
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:16]


def simulated(folder: Path, options: argparse.Namespace) -> dict[str, Any] | None:
    """What ``compare --json`` says, after ``fit`` and ``run``; None where a step failed."""
    own = folder / options.label
    own.mkdir(exist_ok=True)
    scenario = yaml.safe_load((folder / "scenario.yaml").read_text(encoding="utf-8"))
    played = scenario["population"]
    played["users"] = min(options.population, played["users"])
    plain = folder / f"{options.label}.yaml"
    plain.write_text(yaml.safe_dump(scenario, sort_keys=False), encoding="utf-8")
    fitted = folder / f"{options.label}-fitted.yaml"
    scenario["behaviour"] = f"{options.label}/behaviour.yaml"
    fitted.write_text(yaml.safe_dump(scenario, sort_keys=False), encoding="utf-8")
    commands = {
        "fit": [str(plain), "--out", str(own / "behaviour.yaml"), *options.fit_options],
        "run": [str(fitted), "--out", str(own / "run"), "--overwrite"],
        "compare": [str(own / "run"), "--json"],
    }
    if options.redo:
        for step in STEPS[STEPS.index(options.redo) :]:
            (own / f"{step}.out").unlink(missing_ok=True)
    for step in STEPS:
        if not _step(step, commands[step], own):
            return None
    found: dict[str, Any] = json.loads((own / "compare.out").read_text())
    return found


def _step(step: str, arguments: list[str], own: Path) -> bool:
    """Run one command of Footfall; its output is kept once it has come to its end."""
    kept = own / f"{step}.out"
    if kept.exists():
        return True
    began = time.monotonic()
    done = subprocess.run([FOOTFALL, step, *arguments], capture_output=True, text=True, check=False)
    (own / f"{step}.log").write_text(done.stderr, encoding="utf-8")
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        print(f"{own}: footfall {step} failed ({done.returncode}): {''.join(last)}", flush=True)
        return False
    print(f"{own}: footfall {step} took {time.monotonic() - began:.0f} s", flush=True)
    kept.write_text(done.stdout, encoding="utf-8")
    return True


def judge(known: Mapping[str, Any], compared: Mapping[str, Any]) -> Scores:
    """Every estimate held against the truth, with the oracle and without."""
    arms = known["arms"]
    honest = [number for number, name in enumerate(arms) if name != LEAK]
    without = [number for number in honest if arms[number] != ORACLE]
    found: Scores = {}
    for outcome in OUTCOMES:
        of = known[outcome]
        estimates = estimates_of(compared, outcome, arms)
        weighed = {key: np.array(value) for key, value in of["snips"].items()}
        estimates["NDCG, later days"] = Estimate(np.array(of["ndcg"]), ranks_only=True)
        estimates["SNIPS, later days"] = Estimate(weighed["value"], weighed["low"], weighed["high"])
        for name, estimate in estimates.items():
            true = np.array(of["true"])
            found.setdefault(name, {})[outcome] = {
                "all": score(true, estimate, honest),
                "without the oracle": score(true, estimate, without),
            }
    return found


def estimates_of(
    compared: Mapping[str, Any], outcome: str, arms: Sequence[str]
) -> dict[str, Estimate]:
    """What ``compare --json`` says of an outcome, one estimate a way of knowing.

    The simulation is judged by its interval with all uncertainty, where there is one.
    """
    control = next(arm for arm in compared["arms"] if arm["name"] == arms[0])
    base = control["metrics"][outcome]
    contrasts = {one["treatment"]: one for one in compared["contrasts"] if one["metric"] == outcome}
    rows = [contrasts[name] for name in arms[1:]]
    luck = [{"lift": r["lift"], "low": r["lift_low"], "high": r["lift_high"]} for r in rows]
    evidence = [row.get("evidence") or {} for row in rows]
    wide = [of.get("all_uncertainty") or own for of, own in zip(evidence, luck, strict=True)]
    found = {"simulated": _estimate(base, wide)}
    for key, title in (("off_policy", "off-policy"), ("both", "both")):
        if any(of.get(key) for of in evidence):
            found[title] = _estimate(base, [of.get(key) or {} for of in evidence])
    return found


def _estimate(base: float, lifts: Sequence[Mapping[str, float | None]]) -> Estimate:
    """From the lifts of the treatments; what is not said is NaN."""

    def column(key: str) -> np.ndarray:
        values = [lift.get(key) for lift in lifts]
        return np.array([0.0, *(np.nan if value is None else value for value in values)])

    return Estimate(base * (1 + column("lift")), column("low"), column("high"))


def of_leak(known: Mapping[str, Any], compared: Mapping[str, Any]) -> str:
    """What ``compare`` says of the arm that saw the judged days, and what is true."""
    true = known["clicks"]["true"]
    lift = true[known["arms"].index(LEAK)] / true[0] - 1
    said = [caution for caution in compared["cautions"] if LEAK in caution.lower()]
    return f"  {LEAK}: truly {lift:+.0%} clicks; compare says: {' '.join(said) or 'nothing'}"


def one_line(scores: Scores) -> str:
    """Order and slope of clicks by each estimate."""
    of = {name: by["clicks"]["all"] for name, by in scores.items()}
    return ", ".join(f"{name} {one.order:.2f} (slope {one.slope:.2f})" for name, one in of.items())


def table(found: Mapping[str, Mapping[int, Scores]], outcome: str) -> str:
    """Markdown: one row a question, one column a kind of shop; "average (worst seed)"."""
    kinds = list(found)
    names = list(next(iter(next(iter(found.values())).values())))
    lines = [f"| {outcome} | {' | '.join(kinds)} |", f"|---|{'---|' * len(kinds)}"]
    for name in names:
        for arms in ("all", "without the oracle"):
            by_kind = [[one[name][outcome][arms] for one in found[kind].values()] for kind in kinds]
            title = name if arms == "all" else f"{name}, without the oracle"
            for what, cells in _rows(by_kind):
                lines.append(f"| {title}: {what} | {' | '.join(cells)} |")
    return "\n".join(lines)


def together(found: Mapping[str, Mapping[int, Scores]], outcome: str) -> str:
    """Markdown: a column for all ordinary shops and one for all odd ones, or a column a kind."""
    if ORDINARY.keys() & found.keys():
        groups = {
            f"{name} shops": [
                one
                for kind, of in found.items()
                if (kind in ORDINARY) == usual
                for one in of.values()
            ]
            for name, usual in (("ordinary", True), ("odd", False))
        }
    else:
        groups = {kind: list(of.values()) for kind, of in found.items()}
    groups = {name: shops for name, shops in groups.items() if shops}
    heads = [f"{len(shops)} {name}" for name, shops in groups.items()]
    lines = ["", f"| {outcome} | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for name, arms in (
        ("simulated", "without the oracle"),
        ("simulated", "all"),
        ("both", "all"),
    ):
        title = name if arms == "all" else f"{name}, without the oracle"
        scores = [[shop[name][outcome][arms] for shop in shops] for shops in groups.values()]
        lines += [f"| {title}: {what} | {' | '.join(cells)} |" for what, cells in _rows(scores)]
    return "\n".join([*lines, ""])


def _rows(by_kind: list[list[Score]]) -> list[tuple[str, list[str]]]:
    """The rows that any kind has an answer for."""
    rows = [
        ("pairs in the right order", [_spread([s.order for s in of], min) for of in by_kind]),
        ("slope on true lifts", [_spread([s.slope for s in of], _far) for of in by_kind]),
        ("correlation", [_spread([s.correlation for s in of], min) for of in by_kind]),
        ("mean error of a lift", [_spread([s.error for s in of], max) for of in by_kind]),
        ("arms left out", [_total([s.left_out for s in of]) for of in by_kind]),
        ("level over the true one", [_spread([s.level for s in of], _far) for of in by_kind]),
        (
            "95% intervals that hold the truth",
            [_share(of, "covered", "intervals") for of in by_kind],
        ),
        (
            "significant, with the wrong sign",
            [_share(of, "wrong", "significant") for of in by_kind],
        ),
    ]
    return [(what, cells) for what, cells in rows if any(cell != "-" for cell in cells)]


def _far(values: Sequence[float]) -> float:
    """The one that is farthest from 1."""
    return max(values, key=lambda value: abs(value - 1))


def _spread(values: Sequence[float], worst: Any) -> str:
    if not np.isfinite(values).all():
        return "-"
    mean = f"{np.mean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ({worst(values):.2f})"


def _total(counts: Sequence[int]) -> str:
    return str(sum(counts)) if any(counts) else "-"


def _share(scores: Sequence[Score], part: str, whole: str) -> str:
    of = sum(getattr(one, whole) for one in scores)
    return f"{sum(getattr(one, part) for one in scores)}/{of}" if of else "-"


def plain(scores: Scores) -> dict[str, Any]:
    """For JSON, which has no NaN."""
    return {
        name: {
            outcome: {
                arms: {
                    key: value if np.isfinite(value) else None
                    for key, value in {**asdict(one), "order": one.order}.items()
                }
                for arms, one in of.items()
            }
            for outcome, of in by.items()
        }
        for name, by in scores.items()
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--kinds", default=",".join(ORDINARY))
    parser.add_argument("--seeds", default="1")
    parser.add_argument(
        "--shops", default="", help="in place of kinds and seeds: fashion-1,media-2"
    )
    parser.add_argument("--keep", choices=KEPT, help="write figures")
    parser.add_argument("--out", type=Path, default=Path("runs/planted"))
    parser.add_argument("--label", default="now")
    parser.add_argument("--population", type=int, default=800)
    parser.add_argument("--users", type=int, default=800)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--futures", type=int, default=30)
    parser.add_argument("--redo", choices=STEPS)
    parser.add_argument("--leak", action="store_true", help="add an arm that saw the judged days")
    parser.add_argument("--fit-options", default="", help="more for `footfall fit`, in one string")
    options = parser.parse_args()
    kinds = list(KINDS) if options.kinds == "all" else options.kinds.split(",")
    named = [tuple(shop.split("-")) for shop in options.shops.split(",") if shop]
    shops = named or [(kind, seed) for kind in kinds for seed in options.seeds.split(",")]
    unknown = [kind for kind, _ in shops if kind not in KINDS]
    if unknown:
        parser.error(f"no kind of shop {unknown[0]!r}; there are {', '.join(KINDS)}")
    options.shops = [(kind, int(seed)) for kind, seed in shops]
    options.fit_options = options.fit_options.split()
    options.out = options.out.resolve()
    options.out.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    main()
