"""The benchmark's arithmetic, its workload and its memory; the engine itself is timed by hand."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from asking_world import BUILDER, DRINKER, catalogue
from console import footfall
from footfall.answering.opening import open_choice
from footfall.bench import rates
from footfall.bench.measure import Collector
from footfall.bench.results import CEILING, FREE_TEXT, NAIVE, Measured, Sample, rows
from footfall.bench.rivals import item_prompts, writers
from footfall.bench.show import show
from footfall.bench.workload import QuestionSize, groceries
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.llm.fake import FakeModel

pytestmark = pytest.mark.slow

CELL = QuestionSize(20, 10)


def sample(name, repeat, seconds, **other):
    numbers = {"engine_seconds": seconds * 0.9, "prompt_tokens": 900, "cached_tokens": 300}
    numbers |= {"generated_tokens": 60} | other
    return Sample(cell=CELL, name=name, repeat=repeat, items=60, seconds=seconds, **numbers)


SAMPLES = [
    # The machine was twice as slow in the second repeat, and much slower in the third.
    *(sample("yes-no", repeat, seconds) for repeat, seconds in enumerate((2.0, 4.0, 20.0))),
    *(sample(CEILING + "yes-no", r, seconds) for r, seconds in enumerate((1.8, 3.6, 19.0))),
    *(sample(FREE_TEXT, repeat, seconds) for repeat, seconds in enumerate((30.0, 60.0, 200.0))),
    *(sample(NAIVE, repeat, seconds) for repeat, seconds in enumerate((8.0, 8.0, 8.0))),
]


def test_ratios_are_taken_within_a_repeat_so_that_a_slow_minute_does_not_count():
    yes_no, ceiling, free, naive = rows(SAMPLES)
    assert yes_no.item_decisions_per_s == pytest.approx(15)
    assert (yes_no.slowest, yes_no.fastest) == (3, 30)
    assert yes_no.ratio_to_ceiling == pytest.approx(0.9)
    assert yes_no.ratio_to_free_text == pytest.approx(15)
    assert yes_no.ratio_to_naive == pytest.approx(2)
    assert yes_no.seconds_outside_engine == pytest.approx(0.4)
    assert (yes_no.computed_tokens, yes_no.cached_tokens) == (600, 300)
    assert ceiling.ratio_to_ceiling is None
    assert free.ratio_to_free_text == naive.ratio_to_naive == 1


def measured(times=1.0, date="2026-11-23", vllm="1"):
    """On a machine on which all takes so many times as long."""
    machine = {"device": "cpu", "cores": 2, "vllm": vllm, "torch": "2", "date": date}
    machine |= {"load_before": 3.0, "load_after": 4.0}
    samples = [replace(one, seconds=one.seconds * times, busy=times) for one in SAMPLES]
    return Measured("m", machine, 6, 3, tuple(rows(samples)), {"footfall": 2.0}, {"naive": 9.0})


def test_the_document_has_what_the_design_promises_and_the_table_fits():
    document = json.loads(json.dumps(measured().as_dict()))
    for row in document["modes"]:
        assert {"name", "item_decisions_per_s", "ratio_to_ceiling"} <= row.keys()
        assert "seconds_outside_engine" in row
    console = Console(width=80, record=True, file=io.StringIO())
    show(measured(times=3.0), console)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert "90.0%" in text
    assert "(3.0 times as long as alone)" in text


def test_rates_are_kept_with_their_spread(tmp_path):
    assert "are kept" in rates.keep(measured(), tmp_path)
    found = rates.recall("m", tmp_path)
    assert found.tokens_per_second == {"yes-no": pytest.approx(150)}
    assert found.slowest == {"yes-no": pytest.approx(30)}
    assert found.fastest == {"yes-no": pytest.approx(300)}
    assert found.told() == "footfall bench, 2026-11-23: cpu, 2 cores, vllm 1"
    rates.remember("other", found.model_copy(update={"date": "2026-11-24"}), tmp_path)
    assert rates.recall("m", tmp_path) == found
    (tmp_path / "rates.json").write_text("{broken")
    assert rates.recall("m", tmp_path) is None


def test_rates_of_a_busy_machine_are_those_of_what_it_computed(tmp_path):
    """Four times as slow beside other programs: alone it is as fast as ever, and said to be."""
    slow = measured(times=4.0)
    told = rates.keep(slow, tmp_path)
    assert "are kept" in told
    assert "busy when measured (4.0 times as long as alone)" in told
    found = rates.recall("m", tmp_path)
    assert found.tokens_per_second == {"yes-no": pytest.approx(150)}
    assert "busy when measured" in found.told()


def test_what_was_measured_in_quiet_is_not_forgotten_for_what_was_not(tmp_path):
    rates.keep(measured(date="2026-11-20"), tmp_path)
    quiet = rates.recall("m", tmp_path)
    assert "of 2026-11-20 stay" in rates.keep(measured(times=4.0), tmp_path)
    assert rates.recall("m", tmp_path) == quiet
    assert "are kept" in rates.keep(measured(times=4.0, vllm="2"), tmp_path)  # another engine
    assert rates.recall("m", tmp_path).machine.endswith("vllm 2")
    assert "are kept" in rates.keep(measured(vllm="2"), tmp_path)
    assert rates.recall("m", tmp_path).busy == 1.0


def test_rates_of_before_there_was_a_spread_are_still_read(tmp_path):
    rates.keep(measured(), tmp_path)
    path = tmp_path / "rates.json"
    kept = json.loads(path.read_text())
    for entry in kept.values():
        del entry["slowest"], entry["fastest"], entry["busy"]
    path.write_text(json.dumps(kept))
    found = rates.recall("m", tmp_path)
    assert (found.slowest, found.fastest, found.busy) == ({}, {}, 1.0)


def test_rivals_read_the_same_words_without_padding():
    model = FakeModel(block_size=32)
    pages = [Page(DRINKER, (4, 9, 0), seed=1), Page(BUILDER, (4, 9, 0), seed=1)]
    collector = Collector(model)
    spec = ChoiceSpec(mode="yes-no", max_history_tokens=1 << 20)
    open_choice(spec, collector, catalogue()).utilities(pages)
    ours = [[*q.prefix.ids, *q.suffix.ids] for q in collector.asked]
    theirs = item_prompts(pages, catalogue(), model.tokenizer, 20)
    newline = model.tokenizer.encode("\n")[-1]
    assert len(ours) == len(theirs) == 6
    for padded, plain in zip(ours, theirs, strict=True):
        assert len(padded) > len(plain)
        assert padded[-len(plain) :] == plain
        assert set(padded[: -len(plain)]) == {newline}
    text, lone, one_json = writers(pages * 2, catalogue(), model.tokenizer, 20)
    assert (len(text.prompts), len(one_json.prompts)) == (4, 12)
    assert lone.prompts == text.prompts[: len(lone.pages)]
    assert not lone.batched


@pytest.fixture(scope="module")
def workload():
    return groceries([QuestionSize(20, 5), QuestionSize(100, 50)], 6, lambda _: None)


def test_everybody_has_a_long_enough_history_and_slates_grow_at_their_end(workload):
    short, long = (workload.pages[cell] for cell in (QuestionSize(20, 5), QuestionSize(100, 50)))
    for few, many in zip(short, long, strict=True):
        assert few.persona.user == many.persona.user
        assert len(few.persona.items) >= 100
        assert many.items[:5] == few.items
        assert len(set(many.items)) == 50
    assert len({page.persona.user for page in short}) == 6
    assert np.ptp([page.seed for page in short]) == 5


def test_the_fake_model_is_not_measured(tmp_path):
    done = footfall("bench", "--model", "fake", cwd=tmp_path)
    assert done.returncode == 2
    assert "no speed worth measuring" in done.stderr
