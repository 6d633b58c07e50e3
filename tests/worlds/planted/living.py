"""Users in time: they come, look through pages, click, buy, go on, leave, and come back.

Rows are lives: in the log one a user, in the truth many futures of each. All lives of a day are
moved together, so that numpy does the work.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from planted.acting import Glance, clicks, dominance, looks
from planted.kinds import Kind
from planted.people import Floats, Goods, Ints, People, liking
from planted.policies import Policy

Traces = npt.NDArray[np.float32]

RETURN_DAYS = 5.0
"""Days in which the memory of a good visit falls to 1/e."""

HABIT_DAYS, STOCK_DAYS = 30.0, 4.0
"""The same of purchases, as a habit and as what is still in the cupboard."""

BASKET_DAYS, CROWD_DAYS, BORED_DAYS = 8.0, 7.0, 14.0
"""The same of a category's purchases, everybody's clicks, and being tired of the first page."""

PAGE_LESSON, VISIT_LESSON = 0.3, 0.5
"""How much the last page, and the last visit, count in what a user has learned of the shop."""


@dataclass
class State:
    """What lives carry along; [n_lives, n_items] where nothing else is said."""

    exposure: Traces
    clicked: Traces
    habit: Traces
    stock: Traces
    delight: Floats
    """[n_lives] clicks above the usual of late."""
    # What only users of odd shops remember.
    basket: Floats
    """[n_lives, n_categories] purchases of late."""
    trust: Floats
    """[n_lives] how much better pages of late were than the shop's goods, within -1 and 1."""
    front: npt.NDArray[np.bool_]
    """Whether it stood on the first page of the last visit."""
    bored: Floats
    """[n_lives] share of old items on first pages of late."""
    crowd: Floats
    """[n_futures, n_items] everybody's clicks of late."""
    lesson: Floats
    """[n_lives, n_categories] quality of what was clicked of late, summed."""
    gone: npt.NDArray[np.bool_]
    """[n_lives] who will never come back."""

    @classmethod
    def fresh(cls, lives: int, items: int, categories: int) -> State:
        """Nothing has happened yet; all lives are of one future."""
        exposure, clicked, habit, stock = np.zeros((4, lives, items), dtype=np.float32)
        delight, trust, bored = np.zeros((3, lives))
        basket, crowd = np.zeros((lives, categories)), np.zeros((1, items))
        front, gone = np.zeros((lives, items), dtype=bool), np.zeros(lives, dtype=bool)
        return cls(
            exposure, clicked, habit, stock, delight,
            basket, trust, front, bored, crowd, np.zeros_like(basket), gone,
        )  # fmt: skip

    def times(self, futures: int) -> State:
        """So many lives of each life, users running fastest."""
        parts = [getattr(self, one.name) for one in fields(self)]
        return State(*(np.concatenate([part] * futures) for part in parts))

    def night(self, kind: Kind) -> None:
        """A day passes, and memories fade."""
        self.exposure *= np.float32(np.exp(-1 / kind.fatigue_days))
        if kind.repeat:
            self.habit *= np.float32(np.exp(-1 / HABIT_DAYS))
            self.stock *= np.float32(np.exp(-1 / STOCK_DAYS))
        self.delight *= np.exp(-1 / RETURN_DAYS)
        self.basket *= np.exp(-1 / BASKET_DAYS)
        self.bored *= np.exp(-1 / BORED_DAYS)
        self.crowd *= np.exp(-1 / CROWD_DAYS)
        self.lesson *= np.exp(-1 / HABIT_DAYS)


@dataclass(frozen=True)
class Pages:
    """Pages that were shown on one day at one depth of the visits; arrays [n] or [n, slate]."""

    day: int
    depth: int
    lives: Ints
    items: Ints
    clicked: npt.NDArray[np.bool_]
    bought: npt.NDArray[np.bool_]
    propensity: Floats


@dataclass(frozen=True)
class World:
    """Everything that decides what users do, level constants included."""

    kind: Kind
    people: People
    goods: Goods
    slate: int
    click_level: float
    buy_level: float
    usual: float
    """Clicks of a usual visit, above which it is a good one."""

    def worth(self, state: State, lives: Ints, users: Ints, items: Ints, day: int) -> Floats:
        """[n, slate] utility of each item now, lasting and passing."""
        kind, cells = self.kind, (lives[:, None], items)
        utility = self.click_level + self._lasting(day)[users[:, None], items]
        utility -= kind.fatigue * (1 - np.exp(-state.exposure[cells] / 2))
        if kind.done:
            utility -= kind.done * (state.clicked[cells] > 0)
        if kind.newness:
            age = np.maximum(day - self.goods.launch[items], 0)
            utility += kind.newness * np.where(self.goods.launch[items] > 0, np.exp(-age / 12), 0)
        return utility + self._repeating(state, cells) + self._besides(state, lives, items)

    def _repeating(self, state: State, cells: tuple[Ints, Ints]) -> Floats | float:
        if not self.kind.repeat:
            return 0.0
        habit = self.kind.repeat * np.tanh(state.habit[cells] / 2)
        return np.asarray(habit - self.kind.stocked * np.minimum(state.stock[cells], 1))

    def _besides(self, state: State, lives: Ints, items: Ints) -> Floats | float:
        """What purchases of other items, the clicks of others, and lessons add."""
        added: Floats | float = 0.0
        if self.kind.basket:
            full = np.minimum(state.basket[lives], 1)
            wanted = self.kind.basket * (np.roll(full, 1, axis=1) - full)
            added = added + np.take_along_axis(wanted, self.goods.category[items], axis=1)
        if self.kind.herd:
            counts = state.crowd[lives // len(self.people.activity)]
            usual = 1 + counts.mean(axis=1, keepdims=True)
            shown = np.take_along_axis(counts, items, axis=1)
            added = added + self.kind.herd * np.log((usual + shown) / (2 * usual - 1))
        if self.kind.letdown:
            added = added + self.kind.letdown * self._taught(state, lives, items)
        return added

    def _taught(self, state: State, lives: Ints, items: Ints) -> Floats:
        """[n, slate] what is known of items that were clicked, and felt about their category."""
        quality = self.goods.quality[items]
        known = np.where(quality < 0, 2 * quality, quality)
        known = known * (state.clicked[lives[:, None], items] > 0)
        mood = np.tanh(state.lesson[lives] / 2)
        return np.asarray(known + np.take_along_axis(mood, self.goods.category[items], axis=1))

    def _lasting(self, day: int) -> Floats:
        """[n_users, n_items] of that day; computed once where tastes stay."""
        when = day if self.kind.drift else 0
        if self._known.get("day") != when:
            self._known.update(day=when, liking=liking(self.kind, self.people, self.goods, when))
        return np.asarray(self._known["liking"])

    def shelf(self, day: int) -> Floats:
        """[n_users] what the shop's goods are worth to each user, on average, above the level."""
        return np.asarray(self._lasting(day).mean(axis=1))

    _known: dict[str, object] = field(default_factory=dict, repr=False, compare=False)

    def buying(
        self, users: Ints, items: Ints, utility: Floats, luck: Floats
    ) -> npt.NDArray[np.bool_]:
        """[n, slate] whether each item would be bought, were it clicked."""
        centred = utility - self.click_level
        dear = self.kind.buy_price * self.goods.log_price[items] / np.log(2)
        probit = self.buy_level + self.kind.buy_taste * centred - dear
        probit = probit + self.kind.letdown * self.goods.quality[items]
        return luck < norm.cdf(probit)


def live(
    world: World,
    policy: Policy,
    state: State,
    days: range,
    rng: np.random.Generator,
    *,
    lives: int,
    logged: bool = False,
) -> list[Pages]:
    """Live ``days`` under ``policy``; ``state`` is carried on in place.

    Args:
        world: Who decides how.
        policy: Who fills the pages.
        state: Of as many lives.
        days: Numbers of the days since the log began.
        rng: All luck.
        lives: A multiple of the number of users; life ``i`` is one of user ``i % n_users``.
        logged: Whether propensities are computed.
    """
    n_users = len(world.people.activity)
    curves = np.stack([looks(world.kind, world.slate, phone=phone) for phone in (False, True)])
    pages: list[Pages] = []
    for day in days:
        inside = np.flatnonzero(rng.random(lives) < _comes(world, state, day))
        shown = np.zeros((len(inside), len(world.goods.launch)), dtype=bool)
        purpose = rng.integers(len(world.kind.words), size=len(inside))
        total = np.zeros(lives)
        liked = np.zeros((lives, len(world.kind.words)), dtype=bool)
        came = inside
        for depth in range(world.kind.max_pages):
            if not len(inside):
                break
            users = inside % n_users
            page = _page(
                world, policy, state, day, depth, inside, shown, purpose, curves, rng, logged,
                total[inside], liked[inside],
            )  # fmt: skip
            np.put_along_axis(shown, page.items, values=True, axis=1)
            _remember(state, page)
            total[inside] += page.clicked.sum(axis=1)
            row, place = np.nonzero(page.clicked)
            liked[inside[row], world.goods.category[page.items[row, place]]] = True
            pages.append(page)
            on = _goes_on(world, page, users, rng)
            inside, shown, purpose = inside[on], shown[on], purpose[on]
        state.delight[came] += total[came] - world.usual
        if world.kind.leaving:
            state.gone[came] = (total[came] == 0) & (rng.random(len(came)) < world.kind.leaving)
        state.night(world.kind)
    return pages


def _comes(world: World, state: State, day: int) -> Floats:
    """[n_lives] chance of a visit on that day."""
    weekend = 1.25 if day % 7 in (5, 6) else 0.9
    good = 1 + world.kind.returns * np.clip(state.delight, -3, 6)
    if world.kind.stale:
        good = good * (1 - world.kind.stale * state.bored)
    if world.kind.leaving:
        good = good * ~state.gone
    lives = np.arange(len(state.delight))
    return np.asarray(world.people.visits[lives % len(world.people.activity)] * weekend * good)


def _page(
    world: World,
    policy: Policy,
    state: State,
    day: int,
    depth: int,
    inside: Ints,
    shown: npt.NDArray[np.bool_],
    purpose: Ints,
    curves: Floats,
    rng: np.random.Generator,
    logged: bool,
    before: Floats,
    liked: npt.NDArray[np.bool_],
) -> Pages:
    """One page for everybody who is still inside.

    ``before`` [n] are clicks on earlier pages of the visit, ``liked`` [n, categories] theirs.
    """
    users = inside % len(world.people.activity)
    items = policy.pages(users, shown, rng)
    chances = policy.chances(users, shown, items) if logged else np.empty(0)
    category = world.goods.category[items]
    utility = world.worth(state, inside, users, items, day)
    if world.kind.mission:
        mine = category == purpose[:, None]
        utility = utility + world.kind.mission * np.where(mine, 1.0, -1 / 3)
    if world.kind.sated:
        utility = utility - world.kind.sated * before[:, None]
    if world.kind.spree:
        utility = utility + world.kind.spree * np.take_along_axis(liked, category, axis=1)
    if world.kind.decoy:
        goods = world.goods
        beats = dominance(category, goods.log_price[items], goods.appeal[items])
        utility = utility + world.kind.decoy * beats
    looked = curves[world.people.phone[users].astype(int)]
    if world.kind.blind:
        looked = looked ** np.exp(-world.kind.blind * state.trust[inside])[:, None]
    clicked = clicks(world.kind, Glance(utility, looked, category, world.click_level), rng)
    bought = clicked & world.buying(users, items, utility, rng.random(items.shape))
    page = Pages(day, depth, inside, items, clicked, bought, chances)
    _learn(world, state, page, ((utility - world.click_level) * looked).sum(1) / looked.sum(1))
    return page


def _remember(state: State, page: Pages) -> None:
    """Every item stands once on a page, so plain indexed sums are safe."""
    cells = (page.lives[:, None], page.items)
    state.exposure[cells] += 1
    state.clicked[cells] += page.clicked
    state.habit[cells] += page.bought
    state.stock[cells] += page.bought


def _learn(world: World, state: State, page: Pages, worth: Floats) -> None:
    """What users of odd shops learn from a page; ``worth`` [n] is its mean over what was read."""
    kind, lives, users = world.kind, page.lives, page.lives % len(world.people.activity)
    cells = (lives[:, None], page.items)
    if kind.basket:
        np.add.at(state.basket, (lives[:, None], world.goods.category[page.items]), page.bought)
    if kind.blind:
        better = np.tanh(worth - world.shelf(page.day)[users])
        state.trust[lives] += PAGE_LESSON * (better - state.trust[lives])
    if kind.herd:
        future = lives // len(world.people.activity)
        np.add.at(state.crowd, (future[:, None], page.items), page.clicked)
    if kind.letdown:
        found = page.clicked * world.goods.quality[page.items]
        np.add.at(state.lesson, (lives[:, None], world.goods.category[page.items]), found)
    if kind.stale and page.depth == 0:
        old = state.front[cells].mean(axis=1)
        state.bored[lives] += VISIT_LESSON * (old - state.bored[lives])
        state.front[lives] = False
        state.front[cells] = True


def _goes_on(
    world: World, page: Pages, users: Ints, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    kind = world.kind
    probit = kind.go_on + kind.go_on_page * page.depth + world.people.patience[users]
    probit = probit + kind.go_on_click * page.clicked.any(axis=1)
    probit = probit + kind.go_on_purchase * page.bought.any(axis=1)
    return np.asarray(probit + rng.normal(size=len(users)) > 0)
