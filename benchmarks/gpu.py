"""Everything that a GPU must prove, in one command and one table.

    python benchmarks/gpu.py --out gpu [--model embedded] [--parts speed,memory,...]
        [--households 64] [--against OTHER/utilities.json] [--redo PART] [--steps 400]

    speed       engine start; item decisions a second of each mode and of its ceiling, one pass a
                slate (listwise) against one an item (yes-no); seconds outside the engine
    utilities   answers against transformers in float32 on the same weights, and against those of
                another build, which ``--against`` names (a CPU's, say)
    adapter     yes-no with the shipped adapter beside the base, against the base alone
    replicas    the demo's users with one model server against two, over a local Ray cluster
    demo        ``footfall demo``, from nothing to its report
    finetune    ``footfall sft-data`` and ``footfall finetune`` on all households of the demo's data

Each part is a process of its own and leaves PART.json in ``--out``: a second call goes on where the
first one stopped. The table goes to stdout and to ``gpu.md``, all figures to ``gpu.json``. It runs
on a CPU build as well, which is how it is tested where there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from figures import keep

from footfall.answering.opening import open_choice
from footfall.bench.contest import BenchOptions, measure
from footfall.bench.measure import Collector
from footfall.bench.workload import QuestionSize, Workload, groceries
from footfall.choice.feeding import weigh
from footfall.choice.specs import ChoiceSpec
from footfall.llm.devices import for_cuda, installed_device, installed_version
from footfall.llm.protocol import Answer, Question
from footfall.llm.specs import ModelSpec
from footfall.llm.vllm.engine import VllmEngine, open_engine
from footfall.llm.weights.weights import find_weights
from footfall.plumbing.files import write_json
from footfall.plumbing.stderr import stderr
from footfall.scenario.reading import read_scenario

FOOTFALL = str(Path(sys.executable).with_name("footfall"))

COMPARED = 200
"""Questions whose answers are held against transformers."""

Figures = dict[str, Any]


def speed(options: argparse.Namespace) -> Figures:
    """What ``footfall bench`` measures."""
    cell = QuestionSize(options.history, options.slate)
    asked = BenchOptions(options.model, [cell], options.households, options.repeats)
    return measure(asked, stderr.say).as_dict()


def utilities(options: argparse.Namespace) -> Figures:
    """Log-odds of Yes over No, by the engine and by transformers."""
    with _engine(ModelSpec(name=options.model)) as engine:
        asked = _questions(engine, _workload(options))[:COMPARED]
        got = [_odds(reply.logprobs) for reply in engine.ask(asked) if isinstance(reply, Answer)]
    weights = find_weights(ModelSpec(name=options.model), stderr.say)
    true = _by_transformers(weights.model, asked)
    found: Figures = {"asked": len(asked), "answered": len(got), "log_odds": got}
    if len(got) == len(asked):
        found["transformers"] = _apart(got, true)
    if options.against:
        other = json.loads(options.against.read_text(encoding="utf-8"))["log_odds"]
        found["other build"] = _apart(got, other)
    return found


def adapter(options: argparse.Namespace) -> Figures:
    """Item decisions a second with the shipped adapter, and without it."""
    found = {}
    for name in (None, options.adapter):
        with _engine(ModelSpec(name=options.model, adapter=name)) as engine:
            asked = _questions(engine, _workload(options))
            engine.ask(asked)  # compiles what it compiles; the cache is emptied again
            engine.started().reset_prefix_cache()
            began = time.perf_counter()
            engine.ask(asked)
            found["base" if name is None else "adapter"] = len(asked) / (
                time.perf_counter() - began
            )
    return {"item decisions a second": found, "ratio": found["adapter"] / found["base"]}


def replicas(options: argparse.Namespace) -> Figures:
    """Seconds of simulating with one server and with two."""
    plan = read_scenario("demo").model_dump(mode="json")
    plan["model"] |= {"name": options.model, "adapter": None}
    plan["population"]["users"] = options.households
    scenario = options.out / "replicas.yaml"
    scenario.write_text(yaml.safe_dump(plan, sort_keys=False), encoding="utf-8")
    found: dict[str, float] = {}
    with ExitStack() as stack:
        servers = [stack.enter_context(_served(options.model)) for _ in range(2)]
        for many in (1, 2):
            out = options.out / f"replicas-{many}"
            named = [part for url in servers[:many] for part in ("--server", url)]
            where = ["--out", str(out), "--overwrite", "--ray", "local", "--workers", "2"]
            _footfall("run", str(scenario), *where, *named)
            manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
            found[str(many)] = float(manifest["timings"]["simulating"])
    return {"seconds": found, "ratio": found["1"] / found["2"]}


def demo(options: argparse.Namespace) -> Figures:
    """Wall-clock seconds of the demo."""
    out = options.out / "demo"
    shutil.rmtree(out, ignore_errors=True)
    began = time.perf_counter()
    _footfall("demo", "--out", str(out))
    return {"seconds": time.perf_counter() - began}


def finetune(options: argparse.Namespace) -> Figures:
    """Seconds of teaching the model all of the data, and what it has learned by then."""
    lessons, learned = options.out / "lessons", options.out / "learned"
    for folder in (lessons, learned):
        shutil.rmtree(folder, ignore_errors=True)
    began = time.perf_counter()
    _footfall("sft-data", "demo", "--out", str(lessons), "--windows", "8", "--questions", "60")
    written = time.perf_counter()
    how = ["--steps", str(options.steps), "--lessons-a-step", "8"]
    _footfall("finetune", str(lessons), "--out", str(learned), *how)
    card = json.loads((learned / "card.json").read_text(encoding="utf-8"))
    return {
        "lessons seconds": written - began,
        "seconds": time.perf_counter() - written,
        "training seconds": card["seconds"],
        "steps": card["steps"],
        "tokens": card["tokens"],
        "best": card["best"],
    }


PARTS: dict[str, Callable[[argparse.Namespace], Figures]] = {
    "speed": speed,
    "utilities": utilities,
    "adapter": adapter,
    "replicas": replicas,
    "demo": demo,
    "finetune": finetune,
}


def _questions(engine: VllmEngine, workload: Workload) -> list[Question]:
    """All yes-no questions of the workload, a user's items next to each other."""
    collector = Collector(engine)
    for cell, pages in workload.pages.items():
        spec = ChoiceSpec(mode="yes-no", history_events=cell.history, min_label_mass=0)
        for _ in weigh(open_choice(spec, collector, workload.catalogue), [pages]):
            pass
    return collector.asked


def _workload(options: argparse.Namespace) -> Workload:
    cell = QuestionSize(options.history, options.slate)
    return groceries([cell], options.households, stderr.say)


def _odds(logprobs: Sequence[float]) -> float:
    """Of the first half of the labels (they spell Yes) over the second (No)."""
    half = len(logprobs) // 2
    yes, no = (np.logaddexp.reduce(part) for part in (logprobs[:half], logprobs[half:]))
    return float(yes - no)


def _by_transformers(weights: str, asked: Sequence[Question]) -> list[float]:
    import torch  # noqa: PLC0415 - heavy
    from transformers import AutoModelForCausalLM  # noqa: PLC0415

    device = "cuda" if for_cuda() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(weights, dtype=torch.float32).to(device)
    found = []
    with torch.no_grad():
        for question in asked:
            ids = torch.tensor([[*question.prefix.ids, *question.suffix.ids]], device=device)
            last = model(ids).logits[0, -1].log_softmax(-1)
            found.append(_odds([float(last[label]) for label in question.labels]))
    return found


def _apart(mine: Sequence[float], other: Sequence[float]) -> Figures:
    """How far two lists of log-odds are apart."""
    gap = np.abs(np.subtract(mine, other))
    return {
        "mean difference": float(gap.mean()),
        "largest difference": float(gap.max()),
        "correlation": float(np.corrcoef(mine, other)[0, 1]),
    }


@contextmanager
def _engine(spec: ModelSpec) -> Iterator[VllmEngine]:
    engine = open_engine(spec, announce=stderr.say)
    try:
        engine.started()
        yield engine
    finally:
        engine.close()


@contextmanager
def _served(model: str) -> Iterator[str]:
    """A model server of its own, up when it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([FOOTFALL, "serve", "--model", model, "--port", str(port)])
    try:
        while True:
            if server.poll() is not None:
                raise SystemExit("a model server did not start; what it said stands above")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(timeout=60)


def _footfall(*arguments: str) -> None:
    subprocess.run([FOOTFALL, *arguments], check=True)


def table(found: Mapping[str, Figures]) -> str:
    """Markdown."""
    lines = ["| what | figure |", "|---|---|"]
    if "speed" in found:
        of = found["speed"]
        lines.append(f"| engine start | {of['start_seconds']['footfall']:.0f} s |")
        lines.append(f"| memory of the process | {of['peak_memory_gib']['footfall']:.1f} GiB |")
        lines += [
            f"| {row['name']}: item decisions a second | {row['item_decisions_per_s']:,.0f}"
            + (f", {row['ratio_to_ceiling']:.0%} of its ceiling" if row["ratio_to_ceiling"] else "")
            + f", {row['seconds_outside_engine'] / row['seconds']:.0%} outside the engine |"
            for row in of["modes"]
        ]
    for other in ("transformers", "other build"):
        if other in found.get("utilities", {}):
            of = found["utilities"][other]
            words = (
                f"{of['mean difference']:.4f} on average, {of['largest difference']:.4f} at most"
            )
            lines.append(f"| log-odds against {other}, nats | {words}, r {of['correlation']:.5f} |")
    for part, words in (
        ("adapter", "yes-no with the adapter beside the base, against the base"),
        ("replicas", "two model servers against one"),
    ):
        if part in found:
            lines.append(f"| {words} | x {found[part]['ratio']:.2f} |")
    if "demo" in found:
        lines.append(f"| the demo | {found['demo']['seconds']:.0f} s |")
    if "finetune" in found:
        of, best = found["finetune"], found["finetune"]["best"]
        rate = of["tokens"] / of["training seconds"]
        taught = f"teaching: {of['steps']} steps, {rate:,.0f} tokens a second"
        lines.append(f"| {taught} | {of['seconds']:.0f} s |")
        lines.append(
            f"| what it learned, on other users: NLL, AUC | {best['nll']:.3f}, {best['auc']:.3f} |"
        )
    return "\n".join(lines)


def figures(found: Mapping[str, Figures]) -> dict[str, str]:
    """What the documents say of it: the table, and what each mode decides a second."""
    told = {"table": f"\n{table(found)}\n"}
    for row in found["speed"]["modes"] if "speed" in found else ():
        told[row["name"]] = f"{row['item_decisions_per_s']:,.0f}"
        if row["ratio_to_ceiling"]:
            told[f"{row['name']}-ratio"] = f"{row['ratio_to_ceiling']:.2f}"
    return told


def main() -> None:
    """Run the parts that are not there yet, and print the table."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.part:
        write_json(options.out / f"{options.part}.json", PARTS[options.part](options))
        return
    found = {}
    for part in options.parts.split(","):
        kept = options.out / f"{part}.json"
        if options.redo == part or not kept.exists():
            done = subprocess.run([sys.executable, *sys.argv, "--part", part], check=False)
            if done.returncode:
                print(f"{part}: failed, see above", file=sys.stderr)
                continue
        found[part] = json.loads(kept.read_text(encoding="utf-8"))
    machine = {"device": installed_device(), "vllm": installed_version(), "model": options.model}
    write_json(options.out / "gpu.json", {"machine": machine, **found})
    if options.keep:
        keep("gpu", "python benchmarks/gpu.py --out gpu --keep", figures(found))
    text = f"{machine['model']} on {machine['device']}, vLLM {machine['vllm']}\n\n{table(found)}\n"
    (options.out / "gpu.md").write_text(text, encoding="utf-8")
    print(text)
    if len(found) < len(options.parts.split(",")):
        sys.exit(1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="embedded")
    parser.add_argument("--adapter", default="complete-journey")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--redo", choices=PARTS)
    parser.add_argument("--households", type=int, default=64)
    parser.add_argument("--history", type=int, default=20)
    parser.add_argument("--slate", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--keep", action="store_true", help="As the figure of the documents.")
    parser.add_argument("--steps", type=int, default=400, help="Of teaching.")
    parser.add_argument("--against", type=Path, help="utilities.json of another build.")
    return parser.parse_args()


if __name__ == "__main__":
    main()
