"""Who comes and what is sold: users with profiles, items with words, and what is liked by whom."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from planted.kinds import Kind

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

AGES = ("18-24", "25-34", "35-49", "50-64", "65+")
TOWNS = ("north", "south", "east", "west")


@dataclass(frozen=True)
class Goods:
    """The items, as columns of equal length."""

    table: pd.DataFrame
    """sku, title, category, list_price: what the shop knows of them."""
    category: Ints
    """[n_items] number of the category."""
    log_price: Floats
    """[n_items] log of the price over the category's median."""
    factors: Floats
    """[n_items, factors] what latent taste looks at; titles tell the sign of two of them."""
    appeal: Floats
    """[n_items] what everybody likes, standard deviation 1."""
    launch: Ints
    """[n_items] day of the launch; 0 or before: there from the start."""
    quality: Floats
    """[n_items] how it turns out to who clicks it, standard deviation 1 and on average the worse
    the more it appeals; 0 where nobody is ever let down."""


@dataclass(frozen=True)
class People:
    """The users, as columns of equal length."""

    table: pd.DataFrame
    """customer_id, age, town, device, member: what the shop knows of them."""
    phone: npt.NDArray[np.bool_]
    visits: Floats
    """[n_users] chance of a visit a day."""
    activity: Floats
    patience: Floats
    """[n_users] standard deviation 0.5; adds to the probit of going on."""
    ideal: Floats
    """[n_users] log of the liked price over the category's median."""
    factors: Floats
    """[n_users, factors] latent taste as the log begins."""
    later: Floats
    """[n_users, factors] towards what it turns where tastes drift."""
    category: Floats
    """[n_users, n_categories] what a category adds, standard deviation 1."""
    niche: npt.NDArray[np.bool_]
    """[n_users] who shuns what everybody likes."""


def stock(kind: Kind, n: int, days: int, slate: int, rng: np.random.Generator) -> Goods:
    """Draw the items. Launches come in drops of whole pages, so that every page can be filled."""
    names = list(kind.words)
    category = rng.integers(len(names), size=n)
    middles = rng.normal(size=(len(names), len(kind.styles))) * 0.5
    factors = middles[category] + rng.normal(size=(n, len(kind.styles)))
    factors /= factors.std(axis=0)
    level = np.log(kind.prices[0]) + rng.normal(0, 0.4, len(names))
    log_price = rng.normal(0, kind.prices[1], n)
    appeal = rng.gumbel(size=n)
    drops = int(kind.launched * n) // slate
    launch = np.zeros(n, dtype=np.int64)
    late = rng.permutation(n)[: drops * slate]
    launch[late] = np.sort(rng.integers(3, max(days - 3, 4), drops)).repeat(slate)
    nouns = [rng.choice(kind.words[names[c]]) for c in category]
    titles = [f"{_style(kind, factors[i])} {nouns[i]} no. {i}" for i in range(n)]
    table = pd.DataFrame(
        {
            "sku": [f"{kind.name[:2]}-{i:04d}" for i in range(n)],
            "title": titles,
            "category": [names[c] for c in category],
            "list_price": np.round(np.exp(level[category] + log_price), 2).clip(0.5),
        }
    )
    appeal = (appeal - 0.5772) / 1.2825
    # Drawn last and only where it counts: other kinds keep their luck.
    quality = 0.92 * rng.normal(size=n) - 0.4 * appeal if kind.letdown else np.zeros(n)
    return Goods(table, category, log_price, factors, appeal, launch, quality)


def _style(kind: Kind, factors: Floats) -> str:
    """The words of the two factors that an item has most of."""
    strongest = np.argsort(-np.abs(factors), kind="stable")[:2]
    return " ".join(kind.styles[f][int(factors[f] > 0)] for f in sorted(strongest)).capitalize()


def invite(kind: Kind, n: int, rng: np.random.Generator) -> People:
    """Draw the users; age goes with categories and prices, the town with latent taste."""
    age = rng.choice(len(AGES), n, p=(0.15, 0.3, 0.3, 0.15, 0.1))
    town = rng.integers(len(TOWNS), size=n)
    member = rng.random(n) < 0.3
    phone = rng.random(n) < 0.65 - 0.08 * (age - 2)
    shape = (n, len(kind.styles))
    of_town = rng.normal(size=(len(TOWNS), len(kind.styles)))
    of_age = rng.normal(size=(len(AGES), len(kind.words)))
    activity = rng.normal(size=n)
    visits = kind.visits * np.exp(0.6 * rng.normal(size=n) + 0.2 * activity + 0.3 * member)
    category = 0.55 * of_age[age] + 0.83 * rng.normal(size=(n, len(kind.words)))
    table = pd.DataFrame(
        {
            "customer_id": [f"u{i:05d}" for i in range(n)],
            "age": [AGES[a] for a in age],
            "town": [TOWNS[t] for t in town],
            "device": np.where(phone, "phone", "desktop"),
            "member": np.where(member, "yes", "no"),
        }
    )
    return People(
        table=table,
        phone=phone,
        visits=visits.clip(0.02, 0.9),
        activity=activity,
        patience=0.5 * rng.normal(size=n),
        ideal=0.5 * rng.normal(size=n) + 0.15 * (age - 2) - 0.1,
        factors=0.4 * of_town[town] + 0.92 * rng.normal(size=shape),
        later=rng.normal(size=shape),
        category=category,
        niche=rng.random(n) < 2 * kind.niche * visits.argsort().argsort() / n,
    )


def liking(kind: Kind, people: People, goods: Goods, day: int) -> Floats:
    """[n_users, n_items] lasting utility on ``day``, without its level, fatigue and the like."""
    turn = kind.drift * day / 56
    taste = np.cos(turn) * people.factors + np.sin(turn) * people.later
    latent = taste @ goods.factors.T / np.sqrt(taste.shape[1])
    swing = people.category * np.cos(turn) + np.roll(people.category, 1, axis=1) * np.sin(turn)
    far = goods.log_price[None, :] - people.ideal[:, None]
    popular = np.where(people.niche & (kind.niche > 0), -1.0, 1.0)
    return np.asarray(
        kind.latent * latent
        + kind.category * swing[:, goods.category]
        + popular[:, None] * (kind.item * goods.appeal)
        + kind.activity * people.activity[:, None]
        - kind.price * (1 - np.exp(-(far**2)))
    )


def level_for(rate: float, utilities: Floats, kind: Kind) -> float:
    """The constant that makes the mean chance of acting on ``utilities`` equal ``rate``."""
    low, high = -12.0, 12.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (
            (low, middle) if chance(middle + utilities, kind).mean() > rate else (middle, high)
        )
    return middle


def chance(utility: Floats, kind: Kind) -> Floats:
    """P(noise > -utility)."""
    if kind.noise == "normal":
        return np.asarray(norm.cdf(utility))
    # Gumbel noise of mean 0 and standard deviation 1.
    return np.asarray(-np.expm1(-np.exp(utility * np.pi / np.sqrt(6) - 0.5772)))
