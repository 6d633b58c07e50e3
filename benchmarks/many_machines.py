"""Does the plan for a million users a day on 8 GPUs hold? A discrete-event simulation says.

    python benchmarks/many_machines.py [--users 20000] [--of 1000000] [--gpus 8] [--cores 32]
        [--copies 1,2,4,8] [--decisions 28000] [--pages 1000] [--keep]

Users come once and see two pages. A page waits for a copy of the recommender, whose time is
exponential, then for the GPU that its user is pinned to, then for a worker's core. A GPU computes a
history once, as long as its keys and values stay in memory (the least recently asked goes first),
and the items of every page. As many visits are under way as the workers keep in the air.
``--users`` are simulated one by one, and the time is that of ``--of`` users, for everything but the
beginning is in proportion.

Rates are arguments: tokens a second from a measurement of yours (`footfall bench`), the others from
``benchmarks/RESULTS.md``. ``--keep`` writes the table for docs/many-machines.md (`make figures`).
"""

from __future__ import annotations

import argparse
import random
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass, field, replace

import simpy
from figures import keep

Steps = Generator[simpy.Event, None, None]

MODELS = {"0.6B": 82_500.0, "8B": 25_000.0, "32B": 6_200.0}
"""Tokens a second and GPU, not measured: the bounds of docs/many-machines.md, and for 0.6B,
where the scheduler is the limit, a quarter of it."""

HISTORIES = {"0.6B": 5_000, "8B": 1_250, "32B": 500}
"""Histories of 256 tokens whose keys and values a GPU holds beside the weights."""


@dataclass(frozen=True)
class Plan:
    """What there is, and what it does in a second."""

    users: int
    gpus: int
    cores: int
    copies: int
    """Of the recommender."""
    tokens: float
    """A second and GPU."""
    histories: int
    """That a GPU holds."""
    decisions: float
    """Of items, a second and core."""
    pages: float
    """A second and copy of the recommender."""
    in_the_air: int = 2048
    """Visits under way at once, of all workers."""
    pinned: bool = True
    """A user's pages go to the same GPU; else to the GPU with the shortest queue."""
    history: int = 256
    items: int = 10
    item_tokens: int = 8
    pages_a_visit: int = 2


@dataclass
class Day:
    """What is counted."""

    busy: dict[str, float] = field(default_factory=lambda: {"copies": 0.0, "gpus": 0.0, "cores": 0})
    again: int = 0
    """Histories that had to be computed for a user's second page."""
    seconds: float = 0.0

    def share(self, plan: Plan, what: str) -> float:
        """Of the time that the copies, GPUs or cores had something to do."""
        number: int = getattr(plan, what)
        return self.busy[what] / (self.seconds * number)


class Gpu:
    """One engine: a queue, and a memory of histories."""

    def __init__(self, env: simpy.Environment, plan: Plan) -> None:
        self.env, self.plan = env, plan
        self.queue = simpy.Resource(env)
        self.known: OrderedDict[int, None] = OrderedDict()

    def tokens_of(self, user: int) -> int:
        """That a page costs now; its history is in memory afterwards."""
        fresh = user not in self.known
        self.known[user] = None
        self.known.move_to_end(user)
        if len(self.known) > self.plan.histories:
            self.known.popitem(last=False)
        return self.plan.history * fresh + self.plan.items * self.plan.item_tokens


def simulate(plan: Plan) -> Day:
    """One day of ``plan.users`` users."""
    env, day, luck = simpy.Environment(), Day(), random.Random(1)
    copies = simpy.Resource(env, plan.copies)
    cores = simpy.Resource(env, plan.cores)
    gpus = [Gpu(env, plan) for _ in range(plan.gpus)]
    air = simpy.Resource(env, plan.in_the_air)

    def hold(resource: simpy.Resource, what: str, seconds: float) -> Steps:
        with resource.request() as turn:
            yield turn
            yield env.timeout(seconds)
        day.busy[what] += seconds

    def visit(user: int) -> Steps:
        with air.request() as place:
            yield place
            for page in range(plan.pages_a_visit):
                yield from hold(copies, "copies", luck.expovariate(plan.pages))
                yield from ask(user, page)
                yield from hold(cores, "cores", plan.items / plan.decisions)

    def ask(user: int, page: int) -> Steps:
        gpu = gpus[user % plan.gpus] if plan.pinned else min(gpus, key=_waiting)
        with gpu.queue.request() as turn:
            yield turn
            tokens = gpu.tokens_of(user)
            day.again += page > 0 and tokens > plan.items * plan.item_tokens
            yield env.timeout(tokens / plan.tokens)
        day.busy["gpus"] += tokens / plan.tokens

    for user in range(plan.users):
        env.process(visit(user))
    env.run()
    day.seconds = float(env.now)
    return day


def _waiting(gpu: Gpu) -> int:
    return len(gpu.queue.queue) + gpu.queue.count


def row(name: str, plan: Plan, of: int) -> str:
    """A line of the table."""
    day = simulate(plan)
    minutes = day.seconds * of / plan.users / 60
    shares = " | ".join(f"{day.share(plan, what):.0%}" for what in ("copies", "gpus", "cores"))
    again = day.again / (plan.users * (plan.pages_a_visit - 1))
    return f"| {name} | {plan.copies} | {minutes:,.0f} | {shares} | {again:.0%} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--of", type=int, default=1_000_000)
    parser.add_argument("--gpus", type=int, default=8)
    parser.add_argument("--cores", type=int, default=32)
    parser.add_argument("--copies", default="1,4,16")
    parser.add_argument("--decisions", type=float, default=28_000.0)
    parser.add_argument("--pages", type=float, default=1_000.0)
    parser.add_argument("--keep", action="store_true", help="Write the figures for the documents.")
    options = parser.parse_args()
    lines = [
        "| model | copies | minutes | copies busy | GPUs busy | cores busy | histories again |",
        "|---|---|---|---|---|---|---|",
    ]
    for model, tokens in MODELS.items():
        plan = Plan(
            options.users,
            options.gpus,
            options.cores,
            1,
            tokens,
            HISTORIES[model],
            options.decisions,
            options.pages,
        )
        for copies in map(int, options.copies.split(",")):
            lines.append(row(model, replace(plan, copies=copies), options.of))
            print(lines[-1], flush=True)
        loose = replace(plan, copies=max(map(int, options.copies.split(","))), pinned=False)
        lines.append(row(f"{model}, users not pinned", loose, options.of))
        print(lines[-1], flush=True)
    if options.keep:
        table = "\n" + "\n".join(lines) + "\n"
        keep("many-machines", "python benchmarks/many_machines.py --keep", {"table": table})


if __name__ == "__main__":
    main()
