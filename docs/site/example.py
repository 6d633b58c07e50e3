"""The report and the replay that the site shows: a run of real households, without a model.

    python docs/site/example.py build/example

Writes ``report.html`` and ``replay/0.html``, ``1.html``, ... into the folder. The replay is what
`footfall view` shows of one household, page by page, saved as files.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from fastapi.testclient import TestClient

from footfall import Options, simulate
from footfall.scenario.overriding import read_with_options
from footfall_eval.reporting.report import write_report
from footfall_live.application import Served, application
from footfall_live.door.guard import Guard

RUN = "grocery"
STEPS = 12
"""Pages of the replay."""


def write(folder: Path) -> None:
    """Simulate the demo's households by their habits alone, and save what a reader sees of it."""
    folder.mkdir(parents=True, exist_ok=True)
    runs = folder / "runs"
    scenario = read_with_options("demo", {}, {"model": {"name": "none", "adapter": None}})
    simulate(scenario, Options(runs / RUN, overwrite=True))
    write_report(runs / RUN, folder / "report.html")
    _save_replay(runs, folder / "replay")


def _save_replay(runs: Path, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    client = TestClient(application(Served(runs, starts=False), Guard(frozenset({"testserver"}))))
    for name in ("live.css", "live.js"):
        (folder / name).write_text(client.get(f"/static/{name}").text)
    address = f"/runs/{RUN}/replay"
    for step in range(STEPS):
        page = client.get(address, params={"step": step})
        page.raise_for_status()
        (folder / f"{step}.html").write_text(_from_disk(page.text, step))


def _from_disk(page: str, step: int) -> str:
    """A page whose links lead to its neighbours in the folder; what needs a server is left out."""
    last = STEPS - 1
    page = re.sub(r"<header>.*?</header>", "", page, flags=re.DOTALL)
    page = re.sub(r"<form .*?</form>", "", page, flags=re.DOTALL)
    page = page.replace("/static/", "")
    page = re.sub(r"/runs/[^\"]*?step=(\d+)", lambda to: f"{min(int(to[1]), last)}.html", page)
    if step == last:
        page = re.sub(r'<a href="[^"]*" data-key="(ArrowRight|End)">(\w+)</a>', r"\2", page)
    return page


if __name__ == "__main__":
    write(Path(sys.argv[1]))
