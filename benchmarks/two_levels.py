"""Two levels of users: do the intervals hold, may they be watched, and what are they worth?

    .venv/bin/python benchmarks/two_levels.py planted        # made-up teachers: a few minutes
    .venv/bin/python benchmarks/two_levels.py watched        # the same, looked at every day
    .venv/bin/python benchmarks/two_levels.py demo FULL TWO  # runs of one scenario, see below

FULL is a run of the demo's households (1,600, arms popular and item-knn, control popular), TWO the
same with `levels: auto`; half an hour of a core with an empty store.

Each writes benchmarks/results/two-levels-NAME.json; `make figures` puts it into the documents.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from figures import keep

from footfall.plumbing.json_files import read_object
from footfall.run_folder import layout
from footfall_eval import RunLog
from footfall_eval.comparing.levels import AskedToo, not_strangers, original, without
from footfall_eval.comparing.stopping import StoppingRule, last_look
from footfall_eval.measures.metrics import Columns, columns, derive, find_metrics
from footfall_eval.statistics.effects import Effect, effect
from footfall_eval.statistics.sequence import Running
from footfall_eval.statistics.strata import Strata, strata_of
from footfall_eval.statistics.two_levels import Level, TwoLevels, effect_of_levels, widened

TEACHERS, CROWDS = 200, 10
USERS, ASKED, PAGES, TIMES = 1000, 80, 12, 3
MANY = 50_000
DAYS, WORLDS, WATCHED_USERS, WATCHED_ASKED = 14, 500, 400, 60
DRAWS = 200
WAYS = ("bias", "scale", "group")

Array = np.ndarray


@dataclass(frozen=True)
class Teacher:
    """What a language model likes, and how a surrogate is off."""

    lift: float
    more: float
    """Of the lift, for a group of users that the surrogate knows nothing of in "group"."""
    way: str
    off: float
    noise: float

    @classmethod
    def drawn(cls, rng: np.random.Generator, way: str) -> Teacher:
        """One of very many."""
        off = {"bias": rng.normal(0, 1), "scale": rng.uniform(0.2, 2), "group": rng.normal(0, 1.5)}
        return cls(
            rng.normal(0, 0.3), rng.normal(0, 0.5), way, float(off[way]), rng.uniform(0, 0.5)
        )

    def said(self, people: tuple[Array, Array, Array], arm: int) -> Array:
        """[n_users, pages] utility of a page, by the model itself."""
        taste, group, pages = people
        return taste[:, None] + pages[..., arm] + arm * (self.lift + self.more * group)[:, None]

    def repeated(self, people: tuple[Array, Array, Array], arm: int, noise: Array) -> Array:
        """The same by its surrogate."""
        said, group = self.said(people, arm), people[1][:, None]
        off = {
            "bias": said + self.off * (0.5 + arm),
            "scale": self.off * said,
            "group": said + group * (self.off - arm * self.more),
        }[self.way]
        return off + self.noise * noise[..., arm]


def people(rng: np.random.Generator, users: int) -> tuple[Array, Array, Array]:
    """Tastes [n], who is of the group [n], and what differs between pages [n, pages, 2]."""
    taste, group = rng.normal(-2, 0.8, users), (rng.random(users) < 0.3).astype(float)
    return taste, group, rng.normal(0, 0.7, (users, PAGES, 2))


def chance(utility: Array) -> Array:
    """Of taking what has that utility."""
    return 1 / (1 + np.exp(-utility))


def bought(utility: Array, luck: Array) -> Array:
    """[n_users] pages on which luck had it that something was bought."""
    return (luck < chance(utility)).sum(axis=1).astype(float)


def copies(who: tuple[Array, Array, Array], rng: np.random.Generator) -> tuple[Array, ...]:
    """Everybody several times: tastes stay, pages and luck are new."""
    taste, group = (np.tile(one, TIMES) for one in who[:2])
    more = rng.normal(0, 0.7, (len(taste) - len(who[0]), PAGES, 2))
    return taste, group, np.concatenate([who[2], more])


def played(teacher: Teacher, rng: np.random.Generator) -> tuple[TwoLevels, float]:
    """Both levels of one crowd, and the standard error of asking all of the same users."""
    who = people(rng, USERS)
    everybody = copies(who, rng)
    n = len(everybody[0])
    luck, noise = rng.random((n, PAGES)), rng.normal(size=(n, PAGES, 2))
    asked = np.sort(rng.choice(USERS, ASKED, replace=False))
    cheap = [bought(teacher.repeated(everybody, arm, noise), luck) for arm in (0, 1)]
    dear = [bought(teacher.said(who, arm), luck[:USERS]) for arm in (0, 1)]
    found = effect_of_levels(
        Level(*(Columns(one, None) for one in cheap)),
        Level(*(Columns(one[asked], None) for one in dear)),
        asked,
        groups=np.arange(n) % USERS,
    )
    return found, effect(*(Columns(one, None) for one in dear)).standard_error


def truth(teacher: Teacher, rng: np.random.Generator) -> tuple[float, float]:
    """Difference and lift that the model alone would give, were everybody asked."""
    who = people(rng, MANY)
    control, treatment = (chance(teacher.said(who, arm)).sum(axis=1).mean() for arm in (0, 1))
    return treatment - control, treatment / control - 1


@dataclass(frozen=True)
class Held:
    """Of one teacher's crowds: what held, and how wide it was."""

    way: str
    differences: list[bool]
    lifts: list[bool]
    alone: list[float]
    """Standard error, as a share of that of the users asked without the surrogate."""
    full: list[float]
    """Likewise of that of asking everybody."""


def of_teacher(number: int) -> Held:
    """Many crowds of one teacher."""
    rng = np.random.default_rng([20, number])
    teacher = Teacher.drawn(rng, WAYS[number % len(WAYS)])
    true, lift = truth(teacher, rng)
    held = Held(teacher.way, [], [], [], [])
    for _ in range(CROWDS):
        found, whole = played(teacher, rng)
        one = found.effect
        held.differences.append(one.ci_low <= true <= one.ci_high)
        held.lifts.append(one.lift_low <= lift <= one.lift_high)
        held.alone.append(found.mixed.error / found.mixed.alone)
        held.full.append(found.mixed.error / whole)
    return held


def planted() -> None:
    """How many of the 95% intervals hold what the model alone would say."""
    with ProcessPoolExecutor() as pool:
        found = list(pool.map(of_teacher, range(TEACHERS), chunksize=5))
    figures = {
        "teachers": f"{TEACHERS}",
        "crowds": f"{CROWDS}",
        "intervals": f"{TEACHERS * CROWDS:,}",
        "asked": f"{ASKED}",
        "users": f"{USERS:,}",
        "held": f"{np.mean([one.differences for one in found]):.1%}",
        "held-lifts": f"{np.mean([one.lifts for one in found]):.1%}",
    }
    for way in WAYS:
        mine = [one for one in found if one.way == way]
        figures[f"held-{way}"] = f"{np.mean([one.differences for one in mine]):.1%}"
        figures[f"alone-{way}"] = f"{np.mean([one.alone for one in mine]):.2f}"
        figures[f"full-{way}"] = f"{np.mean([one.full for one in mine]):.2f}"
    say("two-levels-planted", figures)


def days(rng: np.random.Generator, lift: float) -> Iterator[list[Array]]:
    """What users have bought by the end of each day: (surrogate, model) x (control, treatment)."""
    rate = np.exp(rng.normal(-1.5, 0.8, WATCHED_USERS))
    off = rate * np.exp(rng.normal(0, 0.4, WATCHED_USERS))
    total = [np.zeros(WATCHED_USERS) for _ in range(4)]
    for _ in range(DAYS):
        luck = rng.random((2, WATCHED_USERS, 8))
        luck[1, :, :4] = luck[0, :, :4]  # arms share half of their pages
        played = ((off, 0), (off * (1 + lift / 2), 1), (rate, 0), (rate * (1 + lift), 1))
        new = [(luck[arm] < np.clip(one / 8, 0, 1)[:, None]).sum(axis=1) for one, arm in played]
        total = [before + more for before, more in zip(total, new, strict=True)]
        yield total


def stopped(number: int, lift: float) -> int:
    """Day on which a run is stopped that is looked at after each day; 0: never."""
    rng = np.random.default_rng([21, number, int(lift * 10)])
    asked = np.sort(rng.choice(WATCHED_USERS, WATCHED_ASKED, replace=False))
    rule, means, errors = StoppingRule("purchases", 0.95, 3, DAYS), [], []
    for day, (c0, t0, c1, t1) in enumerate(days(rng, lift), 1):
        cheap, dear = (
            Level(Columns(control, None), Columns(treatment, None))
            for control, treatment in ((c0, t0), (c1[asked], t1[asked]))
        )
        found = effect_of_levels(cheap, dear, asked).mixed
        means.append(found.value)
        errors.append(found.error * widened(found.freedom, rule.level))
        grown = Running(tuple(range(day)), np.array(means), np.array(errors), len(asked))
        look = last_look(grown, rule, rule.level) if day >= rule.min_epochs else None
        if look is not None and not look.ci_low <= 0 <= look.ci_high:
            return day
    return 0


def watched() -> None:
    """How often a run without an effect is stopped, and when one with an effect is."""
    with ProcessPoolExecutor() as pool:
        found = {
            lift: np.array(list(pool.map(partial(stopped, lift=lift), range(WORLDS), chunksize=20)))
            for lift in (0.0, 0.3)
        }
    early = found[0.3]
    figures = {
        "worlds": f"{WORLDS:,}",
        "days": f"{DAYS}",
        "users": f"{WATCHED_USERS}",
        "asked": f"{WATCHED_ASKED}",
        "stopped-in-error": f"{np.mean(found[0.0] > 0):.1%}",
        "stopped": f"{np.mean(early > 0):.1%}",
        "days-lived": f"{np.where(early > 0, early, DAYS).mean():.1f}",
    }
    say("two-levels-watched", figures)


def demo(full: Path, two: Path) -> None:
    """A run of two levels by ``levels: auto``, against asking everybody; and others like it.

    The same crowd's users to be asked are drawn anew many times: one run may be lucky.

    Args:
        full: A run of two arms by a language model.
        two: The same scenario with ``levels: auto``.
    """
    logs = [RunLog.open(folder) for folder in (two, full)]
    known = not_strangers(logs[0])
    cheap, dear = (derive(without(log.per_user(), known)) for log in logs)
    everybody = derive(logs[1].per_user())
    users, control = everybody["user"].nunique(), logs[1].control
    treatment = next(arm for arm in logs[1].arms if arm != control)
    place = {user: number for number, user in enumerate(sorted(cheap["user"].unique()))}
    groups = np.array([place[original(user, place)] for user in place])
    mine = sorted(dear["user"].unique())
    ours = np.array([place[user] for user in mine])
    whom = pd.read_parquet(two / layout.WHOM).set_index("user").loc[mine]
    seen = (whom["foreseen"].to_numpy(), whom["cost"].to_numpy())
    chosen = read_object(two / layout.LEVELS)
    pilot, asked = len(chosen["users"]), int(chosen["asked"]) - len(chosen["users"])
    own = AskedToo.of(logs[0], 0.95)
    assert own is not None
    figures = {
        "users": f"{users:,}",
        "times": f"{chosen['times']}",
        "pilot": f"{pilot}",
        "asked": f"{asked}",
        "drawn": f"{len(own.asked)}",
        "share": f"{questions(two) / questions(full):.1%}",
        "arms": f"{treatment} and {control}",
        "days": f"{layout.epochs_of(logs[1].manifest['parts'])}",
        "draws": f"{DRAWS}",
    }
    for name in ("purchases", "expected_purchases"):
        metric = find_metrics((name,))[0]
        whole = effect(*(columns(everybody, metric, arm) for arm in (control, treatment)))
        once = own.effect(metric, control, treatment)
        assert once is not None
        levels = [
            Level(*(columns(counts, metric, arm) for arm in (control, treatment)))
            for counts in (cheap, dear)
        ]
        counts = {"chosen": asked, "tenth": round(users / 10) - pilot}
        found = of_a_metric(levels, (ours, groups), seen, whole, counts)
        found |= {
            "full": interval(whole),
            "two": interval(once.effect),
            "two-width": f"{_width(once.effect) / _width(whole):.2f}",
        }
        key = name.replace("_", "-")
        figures |= {f"{key}-{what}": figure for what, figure in found.items()}
    say("two-levels-demo", figures)


def of_a_metric(
    levels: list[Level],
    who: tuple[Array, Array],
    seen: tuple[Array, Array],
    whole: Effect,
    counts: dict[str, int],
) -> dict[str, str]:
    """How wide intervals are, and how often they hold what asking everybody gave.

    Args:
        levels: The surrogate's and the model's.
        who: Users of both levels, and the user that each of the surrogate's is a copy of.
        seen: What was foreseen of each user, and what asking them costs.
        whole: What asking everybody gave.
        counts: Name -> how many of them are asked.
    """
    ours, groups = who
    figures = {}
    for which, count in counts.items():
        even = strata_of(np.zeros(len(ours)), seen[1], count / len(ours))
        widths = widths_of(drawn_anew(levels, ours, groups, even)) / _width(whole)
        figures[f"{which}-even"] = f"{widths.mean():.2f}"
        told = list(drawn_anew(levels, ours, groups, strata_of(*seen, count / len(ours))))
        widths = widths_of(told) / _width(whole)
        inside = [one.effect.ci_low <= whole.difference <= one.effect.ci_high for one in told]
        figures[f"{which}-width"] = f"{widths.mean():.2f}"
        figures[f"{which}-no-wider"] = f"{np.mean(widths <= 1):.0%}"
        figures[f"{which}-hold"] = f"{np.mean(inside):.0%}"
    figures["correlation"] = f"{np.mean([one.mixed.correlation for one in told]):.3f}"
    return figures


def _width(one: Effect) -> float:
    return one.ci_high - one.ci_low


def widths_of(told: Iterable[TwoLevels]) -> Array:
    """Of their intervals."""
    return np.array([_width(one.effect) for one in told])


def drawn_anew(levels: list[Level], ours: Array, groups: Array, cut: Strata) -> Iterator[TwoLevels]:
    """Estimates of both levels with other users asked, each time drawn anew of ``ours``."""
    cheap, dear = levels
    place = np.empty(groups.max() + 1, dtype=np.int64)
    place[ours] = cut.of_user
    for number in range(DRAWS):
        rows = cut.drawn(np.random.default_rng([22, number]))
        some = Level(_of(dear.control, rows), _of(dear.treatment, rows))
        yield effect_of_levels(cheap, some, ours[rows], groups=groups, strata=place[groups])


def questions(folder: Path) -> int:
    """Item decisions of the model in a run, or of both its pilot's and its other users asked."""
    two = [folder / name for name in (layout.PILOT, layout.ASKED) if (folder / name).exists()]
    return sum(
        int(pq.ParquetDataset(one / "impressions").read(columns=[]).num_rows)
        for one in two or [folder]
    )


def _of(found: Columns, rows: Array) -> Columns:
    below = found.denominator
    return Columns(found.numerator[rows], None if below is None else below[rows])


def interval(found: Effect) -> str:
    """A difference, as a document shows it."""
    return f"{found.difference:+.4f} ({found.ci_low:+.4f} to {found.ci_high:+.4f})"


def say(name: str, figures: dict[str, str]) -> None:
    """Keep the figures, and print them."""
    words = " ".join(sys.argv[1:2])
    keep(name, f".venv/bin/python benchmarks/two_levels.py {words}", figures)
    for key, value in figures.items():
        print(f"{key:16} {value}")


if __name__ == "__main__":
    what, *folders = sys.argv[1:]
    {"planted": planted, "watched": watched, "demo": demo}[what](*map(Path, folders))
