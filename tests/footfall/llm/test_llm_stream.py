"""Questions under way: order, what is asked once, and what failed, whoever is read first."""

import pytest

from asking_world import BUILDER, DRINKER, catalogue, taste
from footfall.answering.opening import open_choice
from footfall.choice.feeding import weigh
from footfall.choice.protocol import Page
from footfall.choice.specs import ChoiceSpec
from footfall.errors import ServerError
from footfall.llm.fake import FakeModel
from footfall.llm.protocol import NoAnswer
from footfall.llm.store import AnswerStore, StoredModel
from footfall.llm.vllm.engine_stream import EngineStream


class Output:
    finished = True

    def __init__(self, name, ids):
        self.request_id, self.ids = name, ids


class Engine:
    """Finishes two requests a step, the newest first."""

    def __init__(self):
        self.queue, self.steps = [], 0

    def add_request(self, name, request, params):
        self.queue.append(Output(name, request["prompt_token_ids"]))

    def step(self):
        self.steps += 1
        if any(output.ids == [13] for output in self.queue):
            raise RuntimeError("out of\nmemory")
        return [self.queue.pop() for _ in range(min(2, len(self.queue)))]


def prompts(*ids):
    """Prompts of one token each, without an image."""
    return [([one], None) for one in ids]


@pytest.mark.parametrize("overlapping", [True, False])
def test_outputs_come_in_the_order_of_their_questions(overlapping):
    engine = Engine()
    stream = EngineStream(engine, overlapping=overlapping)
    first = stream.add(prompts(1, 2, 3), [None] * 3)
    second = stream.add(prompts(4, 5), [None] * 2)
    assert engine.steps == 0
    assert [output.ids for output in stream.collect(second)] == [[4], [5]]
    assert len(engine.queue) == 3
    stream.finish()
    steps = engine.steps
    assert [output.ids for output in stream.collect(first)] == [[1], [2], [3]]
    assert engine.steps == steps
    assert stream.busy_seconds > 0


def test_an_engine_that_breaks_down_is_one_line():
    stream = EngineStream(Engine(), overlapping=False)
    with pytest.raises(ServerError, match="the vLLM engine stopped: out of memory"):
        stream.collect(stream.add(prompts(13), [None]))


class Slow(FakeModel):
    """Answers only when it is waited for, and keeps what it was asked."""

    def __init__(self, **options):
        super().__init__(**options)
        self.submitted, self.waited = [], 0

    def submit(self, questions):
        self.submitted.append(tuple(questions))

        def wait():
            self.waited += 1
            return super(Slow, self).ask(questions)

        return wait


PAGES = [Page(who, (4, 9, 0), seed=1) for who in (DRINKER, BUILDER, DRINKER, BUILDER, DRINKER)]
BATCHES = [PAGES[:2], [PAGES[2], Page(DRINKER, (4, 1), seed=2)], PAGES[3:]]


@pytest.mark.parametrize("mode", ["likelihood", "yes-no", "listwise"])
def test_a_stream_says_what_asking_one_by_one_says_and_asks_no_more(mode):
    spec = ChoiceSpec(mode=mode)
    one_by_one = Slow(taste=taste)
    choice = open_choice(spec, one_by_one, catalogue())
    truth = [choice.utilities(batch) for batch in BATCHES]
    model = Slow(taste=taste)
    streamed = weigh(open_choice(spec, model, catalogue()), BATCHES)
    found = [next(streamed)]
    assert len(model.submitted) == 2  # the second is under way, and nobody waited for it
    assert model.waited == 1
    found += streamed
    for ours, theirs in zip(found, truth, strict=True):
        for one, other in zip(ours, theirs, strict=True):
            assert one.llm == pytest.approx(other.llm)
    asked = {q for batch in one_by_one.submitted for q in batch}
    assert {q for batch in model.submitted for q in batch} == asked
    if mode != "listwise":
        assert sum(map(len, model.submitted)) == len(asked)


def test_what_failed_in_the_batch_that_asked_fails_in_the_one_that_waits_for_it():
    model = Slow(fail_one_in=1)
    first, second = weigh(open_choice(ChoiceSpec(), model, catalogue()), [PAGES[:1], PAGES[2:3]])
    assert first[0].reason
    assert second[0].reason == first[0].reason
    assert sum(map(len, model.submitted)) == 6  # three items, and the same for nobody


def test_a_store_looks_up_at_once_and_keeps_when_answers_come(tmp_path):
    questions = Slow(taste=taste)
    open_choice(ChoiceSpec(), questions, catalogue()).utilities(PAGES[:1])
    asked = questions.submitted[0]
    inner = Slow(taste=taste)
    with AnswerStore(tmp_path / "a.sqlite") as store:
        model = StoredModel(inner, store)
        pending = model.submit(asked)
        assert len(store) == 0
        replies = pending()
        assert len(store) == len(asked)
        assert pending() == replies
        assert not any(isinstance(reply, NoAnswer) for reply in replies)
        assert [r.logprobs for r in model.submit(asked)()] == [r.logprobs for r in replies]
        assert inner.waited == 1
