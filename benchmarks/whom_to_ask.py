"""Are users better drawn by how much their answers may change? Do the intervals still hold?

    .venv/bin/python benchmarks/whom_to_ask.py planted       # made-up teachers: a few minutes
    .venv/bin/python benchmarks/whom_to_ask.py world FULL CROWD SURROGATE  # runs of real users

Both ways cost the same number of questions. ``planted`` also draws by what is foreseen wrongly:
with noise, or the wrong way around. Each writes benchmarks/results/whom-to-ask-NAME.json.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from figures import keep
from scipy.stats import norm
from two_levels import PAGES, TEACHERS, WAYS, Teacher, chance, people

from footfall.run_folder import manifest
from footfall.scenario.scenario import parse_scenario
from footfall_eval import RunLog
from footfall_eval.measures.metrics import Columns
from footfall_eval.statistics.strata import strata_of
from footfall_eval.statistics.two_levels import Level, Mixed, effect_of_levels, mixed
from footfall_lab.distilling.whom import foresee

USERS, TIMES, MANY, CROWDS = 1000, 3, 50_000, 10
ASKED = (60, 100, 200)
DRAWS = 1000
DRAWN = ("even", "foreseen", "noisy", "wrong")
PILOT = 20
"""Users on whom it is measured how far the surrogate is off."""
WHALES = 0.01
"""Share of users who buy ten times as much, in every other teacher's world, where what a purchase
is worth varies as well."""

Array = np.ndarray


@dataclass(frozen=True)
class Crowd:
    """Users who open different numbers of pages and buy for different amounts."""

    who: tuple[Array, Array, Array]
    opened: Array
    """[n, PAGES]"""
    amount: Array
    """[n] of a purchase."""

    @classmethod
    def drawn(cls, rng: np.random.Generator, users: int, whales: bool) -> Crowd:
        """New users."""
        opened = 1 + rng.poisson(rng.gamma(1.2, 4 / 1.2, users))
        amount = np.ones(users)
        if whales:
            amount = np.exp(rng.normal(0, 0.7, users)) * np.where(rng.random(users) < WHALES, 10, 1)
        return cls(people(rng, users), np.arange(PAGES) < opened[:, None], amount)

    def copies(self, rng: np.random.Generator) -> Crowd:
        """Everybody several times: tastes, pages opened and amounts stay, what is shown is new."""
        taste, group = (np.tile(one, TIMES) for one in self.who[:2])
        more = rng.normal(0, 0.7, ((TIMES - 1) * len(self.amount), PAGES, 2))
        pages = np.concatenate([self.who[2], more])
        return Crowd(
            (taste, group, pages), np.tile(self.opened, (TIMES, 1)), np.tile(self.amount, TIMES)
        )

    def spent(self, utility: Array, luck: Array) -> Array:
        """[n] as luck has it."""
        return ((luck < chance(utility)) & self.opened).sum(axis=1) * self.amount

    def expected(self, utility: Array) -> float:
        """Mean, without luck."""
        return float(((chance(utility) * self.opened).sum(axis=1) * self.amount).mean())

    def foreseen(self, repeated: tuple[Array, Array], luck: Array, error: float) -> Array:
        """[n] variance of the difference, were the surrogate off by errors of that size."""
        odds = np.log(luck) - np.log1p(-luck)
        turned = sum(norm.cdf(-abs(one - odds) / error) * self.opened for one in repeated)
        return np.asarray(turned).sum(axis=1) * self.amount**2


@dataclass
class Found:
    """Of one teacher's crowds, at one number asked and one way to draw."""

    way: str
    asked: int
    drawn: str
    held: list[bool]
    off: list[float]
    """Estimate less truth."""
    error: list[float]
    users: list[float]
    questions: list[float]


def of_teacher(number: int) -> list[Found]:
    """Both levels of a few crowds, drawn in each way."""
    rng = np.random.default_rng([23, number])
    teacher, whales = Teacher.drawn(rng, WAYS[number % len(WAYS)]), number % 2 == 1
    many = Crowd.drawn(rng, MANY, whales)
    control, treatment = (many.expected(teacher.said(many.who, arm)) for arm in (0, 1))
    way = "whales" if whales else teacher.way
    found = [Found(way, n, drawn, [], [], [], [], []) for n in ASKED for drawn in DRAWN]
    for _ in range(CROWDS):
        _play(teacher, Crowd.drawn(rng, USERS, whales), treatment - control, found, rng)
    return found


def _play(
    teacher: Teacher, crowd: Crowd, true: float, found: list[Found], rng: np.random.Generator
) -> None:
    everybody = crowd.copies(rng)
    shape = (USERS * TIMES, PAGES)
    luck, noise = rng.random(shape), rng.normal(size=(*shape, 2))
    repeated = [teacher.repeated(everybody.who, arm, noise) for arm in (0, 1)]
    said = [teacher.said(crowd.who, arm) for arm in (0, 1)]
    cheap = [everybody.spent(one, luck) for one in repeated]
    dear = [crowd.spent(one, luck[:USERS]) for one in said]
    error = np.sqrt(
        np.mean([(a[:PILOT] - b[:PILOT]) ** 2 for a, b in zip(repeated, said, strict=True)])
    )
    first = (repeated[0][:USERS], repeated[1][:USERS])
    foreseen = crowd.foreseen(first, luck[:USERS], max(float(error), 1e-3))
    cost = 2.0 * crowd.opened.sum(axis=1)
    ranks = np.argsort(np.argsort(foreseen))
    sizes = {
        "even": np.zeros(USERS),
        "foreseen": foreseen,
        "noisy": foreseen * np.exp(rng.normal(0, 1.5, USERS)),
        "wrong": np.sort(foreseen)[::-1][ranks],
    }
    for one in found:
        if one.drawn == "even":
            strata, asked = None, np.sort(rng.choice(USERS, one.asked, replace=False))
        else:
            cut = strata_of(sizes[one.drawn], cost, one.asked / USERS)
            strata, asked = np.tile(cut.of_user, TIMES), cut.drawn(rng)
        told = effect_of_levels(
            Level(*(Columns(part, None) for part in cheap)),
            Level(*(Columns(part[asked], None) for part in dear)),
            asked,
            groups=np.arange(USERS * TIMES) % USERS,
            strata=strata,
        )
        one.held.append(told.effect.ci_low <= true <= told.effect.ci_high)
        one.off.append(told.mixed.value - true)
        one.error.append(told.mixed.error)
        one.users.append(len(asked) / one.asked)
        one.questions.append(cost[asked].sum() / (one.asked * cost.mean()))


def planted() -> None:
    """How many of the 95% intervals hold, and how wide they are at the same questions."""
    with ProcessPoolExecutor(max_workers=2) as pool:
        found = [one for some in pool.map(of_teacher, range(TEACHERS), chunksize=5) for one in some]
    figures = {
        "teachers": f"{TEACHERS}",
        "crowds": f"{CROWDS}",
        "users": f"{USERS:,}",
        "intervals": f"{TEACHERS * CROWDS:,}",
    }
    for asked in ASKED:
        even = {n: one for n, one in enumerate(found) if one.asked == asked}
        base = [one for one in even.values() if one.drawn == "even"]
        for drawn in DRAWN:
            mine = [one for one in even.values() if one.drawn == drawn]
            ratios = [
                np.mean(np.square(a.error)) / np.mean(np.square(b.error))
                for a, b in zip(mine, base, strict=True)
            ]
            key = f"{drawn}-{asked}"
            figures[f"{key}-held"] = f"{np.mean([one.held for one in mine]):.1%}"
            figures[f"{key}-variance"] = f"{np.exp(np.mean(np.log(ratios))):.2f}"
            figures[f"{key}-questions"] = f"{np.mean([one.questions for one in mine]):.2f}"
            figures[f"{key}-users"] = f"{np.mean([one.users for one in mine]):.2f}"
    for drawn in DRAWN:
        for way in (*WAYS, "whales"):
            mine = [one for one in found if one.drawn == drawn and one.way == way]
            figures[f"{drawn}-{way}-held"] = f"{np.mean([one.held for one in mine]):.1%}"
    say("whom-to-ask-planted", figures)


@dataclass(frozen=True)
class Real:
    """Users of a run that the language model played in full, and by a surrogate as well."""

    dear: Array
    """[n] difference in purchases."""
    cheap: Array
    """[times, n]"""
    variance: Array
    cost: Array

    @classmethod
    def of(cls, full: Path, crowd: Path, taught: Path) -> Real:
        """From the folders; users whom the surrogate learned from are left out."""
        log, scenario = RunLog.open(crowd), parse_scenario(manifest.read(crowd)["scenario"])
        found = foresee(log, taught, scenario)
        names = [
            found.users,
            *(
                [f"{user}~{copy}" for user in found.users]
                for copy in range(2, scenario.population.times + 1)
            ),
        ]
        dear, cheap = (
            one.per_user().pivot_table(index="user", columns="arm", values="purchases")
            for one in (RunLog.open(full), log)
        )
        treatment = next(arm.name for arm in scenario.arms if arm.name != scenario.control)
        dear, cheap = (one[treatment] - one[scenario.control] for one in (dear, cheap))
        return cls(
            dear.reindex(found.users).to_numpy(),
            np.array([cheap.reindex(some).to_numpy() for some in names]),
            found.variance,
            found.cost,
        )

    def true(self, weight: float) -> float:
        """What asking all of these users would give; where copies are played, with their luck."""
        return float(weight * self.cheap.mean() + (self.dear - weight * self.cheap[0]).mean())

    def again(self, rng: np.random.Generator) -> Real:
        """As many users drawn from these, who are then all that there are."""
        who = rng.integers(0, len(self.dear), len(self.dear))
        return Real(self.dear[who], self.cheap[:, who], self.variance[who], self.cost[who])

    def mixed(self, asked: int, rng: np.random.Generator, drawn: str) -> tuple[Mixed, float, int]:
        """The estimate, and questions and users asked."""
        n, times = len(self.dear), len(self.cheap)
        if drawn == "even":
            strata, who = None, np.sort(rng.choice(n, asked, replace=False))
        else:
            cut = strata_of(self.variance, self.cost, asked / n)
            strata, who = np.tile(cut.of_user, times), cut.drawn(rng)
        groups = np.tile(np.arange(n), times)
        found = mixed(self.cheap.ravel(), self.dear[who], who, groups, strata)
        return found, float(self.cost[who].sum()), len(who)


def world(full: Path, crowd: Path, taught: Path) -> None:
    """Real users: how wide, and how often right, where they are drawn from those there are."""
    real = Real.of(full, crowd, taught)
    whole = real.dear.std(ddof=1) / len(real.dear) ** 0.5
    gaps = real.dear - real.cheap[0]
    figures = {
        "users": f"{len(real.dear):,}",
        "times": f"{len(real.cheap)}",
        "draws": f"{DRAWS}",
        "correlation": f"{np.corrcoef(real.dear, real.cheap[0])[0, 1]:.3f}",
        "changed": f"{np.mean(gaps != 0):.1%}",
        "top-tenth": f"{_in_the_top(real.variance, gaps != 0):.0%}",
        "foreseen": f"{real.variance.mean() / np.mean(gaps**2):.2f}",
    }
    for asked in (*ASKED, round(0.1 * len(real.dear))):
        variances = {}
        for drawn in ("even", "foreseen"):
            rng = np.random.default_rng([24, asked])
            held, errors, off, questions, users = [], [], [], [], []
            for _ in range(DRAWS):
                found, spent, many = real.again(rng).mixed(asked, rng, drawn)
                low, high = found.interval(0.95)
                true = real.true(found.weight)
                held.append(low <= true <= high)
                errors.append(found.error)
                off.append(found.value - true)
                questions.append(spent / (asked * real.cost.mean()))
                users.append(many / asked)
            name = "tenth" if asked not in ASKED else f"{asked}"
            key = f"{drawn}-{name}"
            variances[drawn] = np.mean(np.square(errors))
            figures[f"{key}-held"] = f"{np.mean(held):.1%}"
            figures[f"{key}-error"] = f"{np.mean(errors) / whole:.2f}"
            figures[f"{key}-spread"] = f"{np.std(off) / whole:.2f}"
            figures[f"{key}-questions"] = f"{np.mean(questions):.2f}"
            figures[f"{key}-users"] = f"{np.mean(users):.2f}"
        figures[f"variance-{name}"] = f"{variances['foreseen'] / variances['even']:.2f}"
    say("whom-to-ask-world", figures)


def _in_the_top(foreseen: Array, changed: Array) -> float:
    """Share of the users whose difference changed who were among the tenth foreseen first."""
    first = np.argsort(-foreseen)[: len(foreseen) // 10]
    return float(changed[first].sum() / changed.sum())


def say(name: str, figures: dict[str, str]) -> None:
    """Keep the figures, and print them."""
    words = name.rpartition("-")[2]
    keep(name, f".venv/bin/python benchmarks/whom_to_ask.py {words}", figures)
    for key, value in figures.items():
        print(f"{key:28} {value}")


if __name__ == "__main__":
    what, *folders = sys.argv[1:]
    {"planted": planted, "world": world}[what](*map(Path, folders))
