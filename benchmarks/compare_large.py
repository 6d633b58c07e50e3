"""Ten million impressions, or more: how long the comparison takes, and how much memory.

    python benchmarks/compare_large.py [--impressions 10_000_000] [--report]
    python benchmarks/compare_large.py --impressions 100_000_000 --folder LOG --only-write

Writes a synthetic log of two arms to a temporary folder (about 50 bytes an impression), compares
it in a process of its own and prints seconds and peak memory of that process.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from figures import keep, when

from footfall.run_folder.log import IMPRESSIONS, SESSIONS, write_part

SLATE, DAYS, ITEMS, SHARDS = 10, 10, 5_000, 4
START = np.datetime64("2024-03-04T09:00", "ms")


def main() -> None:
    """Write, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--impressions", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, help="keep the log there, or take it from there")
    parser.add_argument("--only-write", action="store_true", help="the log, and nothing else")
    parser.add_argument("--report", action="store_true", help="write the report as well")
    parser.add_argument("--keep", choices=("compare-10", "compare-100"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="footfall-bench-") as made:
        folder = str(options.folder or made)
        if not (Path(folder) / "manifest.json").exists():
            began = time.process_time()
            rows = write_log(Path(folder), options.impressions)
            print(f"wrote {rows:,} impressions in {time.process_time() - began:.1f} core seconds")
            if options.only_write:
                return
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            found = pool.apply(measure, (folder, options.report))
    print(json.dumps(found, indent=2))
    if options.keep:
        figures = {name.replace("_", "-"): str(value) for name, value in found.items()}
        how = f"--impressions {options.impressions} --keep {options.keep}"
        keep(options.keep, f"python benchmarks/compare_large.py {how}", figures | {"when": when()})


def measure(folder: str, with_report: bool) -> dict[str, float | str]:
    """Compare (and report) in this process; seconds and peak memory."""
    began, core = time.perf_counter(), time.process_time()
    from footfall_eval import RunLog, compare  # noqa: PLC0415 (importing is measured)
    from footfall_eval.reporting.report import write_report  # noqa: PLC0415

    imported = time.perf_counter()
    result = compare(RunLog.open(folder))
    compared = time.perf_counter()
    found: dict[str, float | str] = {
        "verdict": result.verdict,
        "seconds_importing": round(imported - began, 2),
        "seconds_comparing": round(compared - imported, 2),
        "core_seconds": round(time.process_time() - core, 2),
        "gigabytes_peak_comparing": peak(),
    }
    if with_report:
        write_report(folder)
        found["seconds_report"] = round(time.perf_counter() - compared, 2)
        found["gigabytes_peak"] = peak()
    return found


def peak() -> float:
    """Most memory that this process ever held, in gigabytes."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2, 2)


def write_log(folder: Path, impressions: int) -> int:
    """Users of a visit a day, one page a visit, in both arms; parts by epoch and shard."""
    users = impressions // (2 * DAYS * SLATE)
    names = np.array([f"user-{k:07d}" for k in range(users)])
    tastes = np.random.default_rng(1).normal(0, 0.03, users)
    rows = 0
    for epoch in range(DAYS):
        for shard in range(SHARDS):
            who = np.arange(shard, users, SHARDS)
            tables = [
                part(names[who], tastes[who], arm, epoch, (epoch * SHARDS + shard) * 2 + arm)
                for arm in range(2)
            ]
            name = f"epoch={epoch:04d}-shard={shard:04d}.parquet"
            shown = pa.concat_tables([table[0] for table in tables])
            visits = pa.concat_tables([table[1] for table in tables])
            write_part(shown, folder / "impressions" / name)
            write_part(visits, folder / "sessions" / name)
            rows += len(shown)
    write_side_tables(folder, names)
    return rows


def part(
    names: np.ndarray, tastes: np.ndarray, arm: int, epoch: int, seed: int
) -> tuple[pa.Table, pa.Table]:
    """Impressions and visits of some users in one arm on one day."""
    rng = np.random.default_rng(seed)
    n, k = len(names), len(names) * SLATE
    page = np.repeat(np.arange(n), SLATE)
    chance = np.clip(0.08 + 0.004 * arm + tastes[page], 0.001, 1)
    clicked = rng.random(k) < chance
    bought = clicked & (rng.random(k) < 0.3)
    items = rng.integers(0, ITEMS, k)
    prices = 1.0 + items % 50
    time_shown = np.repeat(START + np.timedelta64(epoch, "D"), k)
    llm = rng.normal(size=k) + clicked
    shown = {
        "arm": np.full(k, ("control", "treatment")[arm]),
        "user": names[page],
        "session": np.full(k, epoch),
        "page": np.zeros(k),
        "position": np.tile(np.arange(SLATE), n),
        "item": np.char.add("item-", items.astype(str)),
        "time": time_shown,
        "price": prices,
        "score": rng.random(k),
        "propensity": rng.random(k),
        "llm": llm,
        "utility": llm - 2,
        "p_examine": np.full(k, 0.8),
        "p_click": chance,
        "p_buy": np.full(k, 0.3),
        "answered": np.ones(k, bool),
        "examined": np.ones(k, bool),
        "clicked": clicked,
        "bought": bought,
        "value": prices * bought,
        "team": np.full(k, None, dtype=object),
    }
    sums = {
        name: values.reshape(n, SLATE).sum(axis=1)
        for name, values in (("clicks", clicked), ("purchases", bought), ("value", prices * bought))
    }
    visits = {
        "arm": np.full(n, ("control", "treatment")[arm]),
        "user": names,
        "session": np.full(n, epoch),
        "start": time_shown[:n],
        "end": time_shown[:n] + np.timedelta64(60, "s"),
        "pages": np.ones(n),
        "impressions": np.full(n, SLATE),
        **sums,
        "ended": np.full(n, "left"),
    }
    return cast(shown, IMPRESSIONS), cast(visits, SESSIONS)


def cast(columns: dict[str, np.ndarray], schema: pa.Schema) -> pa.Table:
    """Columns as a table of the log's schema."""
    arrays = [pa.array(columns[field.name]).cast(field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def write_side_tables(folder: Path, names: np.ndarray) -> None:
    """Manifest, items and users."""
    numbers = np.arange(ITEMS)
    pd.DataFrame(
        {
            "item": [f"item-{k}" for k in numbers],
            "title": [f"Item {k}" for k in numbers],
            "category": [f"category {k % 60}" for k in numbers],
            "price": 1.0 + numbers % 50,
        }
    ).to_parquet(folder / "items.parquet")
    rng = np.random.default_rng(2)
    age = rng.choice(["19-34", "35-54", "55+"], len(names))
    users = pd.DataFrame({"user": names, "age": age, "before_spend": rng.gamma(2, 9, len(names))})
    users.to_parquet(folder / "users.parquet")
    arms = [{"name": "control"}, {"name": "treatment"}]
    manifest = {
        "status": "finished",
        "scenario": {"name": "large", "arms": arms, "control": "control", "design": "paired"},
        "items": "items.parquet",
        "users_table": "users.parquet",
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


if __name__ == "__main__":
    main()
