"""Appeal models on made-up headline tests whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from footfall.appeal.folder import CARD, NUMBERS, Style, read_appeal, read_card, write_appeal
from footfall.appeal.kept import encode_kept
from footfall.appeal.model import Appeal, Noises, Voice
from footfall.appeal.ranking import chances_of_best, rank, rank_scores
from footfall.appeal.shipped import find_appeal, shipped_appeals
from footfall.appeal.style import MEASURES, style
from footfall.appeal.words import WordSpace
from footfall.cli.main import main
from footfall.errors import DataError, ModelError
from footfall.llm.fake import FakeModel
from footfall.plumbing.files import file_hash
from footfall_lab.appeal import learners, story
from footfall_lab.appeal.asking import Contamination, ask, some_tests
from footfall_lab.appeal.backtest import run_backtest
from footfall_lab.appeal.figures import Scored, ceiling, figures, gain
from footfall_lab.appeal.folds import by_story, by_time
from footfall_lab.appeal.learn import learn
from footfall_lab.appeal.learners import EncoderLearner, StyleLearner, WordLearner
from footfall_lab.appeal.lessons import TitlePairs
from footfall_lab.appeal.results import results
from footfall_lab.appeal.stacking import Foreseen
from footfall_lab.appeal.verdict import appeal_verdict
from headline_worlds import GOOD, headlines


class Counting:
    """An encoder that knows the good words, and counts what it is asked."""

    identity = "counts good words"
    width = 2

    def __init__(self) -> None:
        self.read = 0

    def encode(self, titles: Sequence[str]) -> np.ndarray:
        self.read += len(titles)
        rows = [[sum(word in GOOD for word in title.split()), len(title)] for title in titles]
        return np.array(rows, dtype=np.float32)


def quiet(_: str) -> None:
    """Hear nothing."""


@pytest.fixture(scope="module")
def lessons() -> TitlePairs:
    return TitlePairs.of(headlines(tests=160, seed=1))


@pytest.fixture(scope="module")
def judged(lessons: TitlePairs, tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("backtest")
    return run_backtest(lessons, [StyleLearner(), WordLearner()], [], folder, quiet)


def test_no_story_stands_on_both_sides_and_time_only_looks_back(lessons: TitlePairs) -> None:
    story_of, time = lessons.pairs.story, lessons.pairs.time
    folds = by_story(lessons)
    assert sum(fold.foresee.sum() for fold in folds) == len(lessons)
    for fold in [*folds, *by_time(lessons)]:
        assert not set(story_of[fold.learn]) & set(story_of[fold.foresee])
        assert fold.learn.any()
        assert fold.foresee.any()
    for fold in by_time(lessons):
        assert time[fold.learn].max() < time[fold.foresee].min()


def test_words_that_work_are_found_with_sizes_and_chances_that_are_right(judged) -> None:
    scored = Scored.of(judged.lessons, judged.foreseen["by story"]["texts"])
    found = figures(scored)
    assert found["direction, decisive"].low > 0.85
    assert 0.9 < found["r, noise taken off"].value < 1.05
    assert 0.85 < found["slope"].value < 1.15
    assert 0.91 < found["coverage"].value < 0.98
    assert found["median error"].high < found["median error, no difference"].low
    # A chance of 70% is right 70 times in 100.
    sure = np.maximum(scored.chance, 1 - scored.chance)
    for low, high in ((0.5, 0.7), (0.7, 0.9), (0.9, 1.0)):
        some = (sure >= low) & (sure < high)
        assert scored.right[some].mean() == pytest.approx(sure[some].mean(), abs=0.12)
    assert appeal_verdict(found, 160).status == "validated"
    assert appeal_verdict(found, 40).status == "direction only"


def test_where_words_do_nothing_nothing_is_claimed(tmp_path: Path) -> None:
    nothing = TitlePairs.of(headlines(tests=160, worth=0.0, noise=1.7, seed=5))
    found = run_backtest(nothing, [StyleLearner(), WordLearner()], [], tmp_path, quiet)
    told = results(found, None)
    verdict = told["verdict"]
    assert verdict["status"] == "not validated"
    assert "a coin is not beaten" in verdict["sentence"]
    direction = told["plans"]["by story"]["predictors"]["texts"]["figures"]["direction"]
    assert direction[1] < 0.5 < direction[2] + 0.03


def test_a_voice_that_knows_more_shows_as_a_gain(lessons: TitlePairs, tmp_path: Path) -> None:
    knows = EncoderLearner("states", "knows", Counting(), tmp_path, penalty=1.0)
    found = run_backtest(lessons, [StyleLearner(), knows], [], tmp_path, quiet)
    told = found.foreseen["by story"]
    both = [Scored.of(lessons, told[name]) for name in ("texts + states", "texts")]
    assert gain(*both)["r"].low > 0
    assert gain(both[0], both[0])["r"].as_list() == [0.0, 0.0, 0.0]


def test_a_second_backtest_goes_on_where_the_first_one_was(lessons, tmp_path: Path) -> None:
    encoder = Counting()
    one = EncoderLearner("sentences", "", encoder, tmp_path)
    first = run_backtest(lessons, [one], [], tmp_path, quiet)
    read = encoder.read
    assert read == len(set(lessons.titles))  # each title once, whatever the folds
    parts = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("parts/*")}
    next(iter(parts)).write_bytes(b"cut off")  # what a kill leaves is made again
    again = run_backtest(lessons, [one], [], tmp_path, quiet)
    assert encoder.read == read
    for plan, told in first.foreseen.items():
        for name, foreseen in told.items():
            other = again.foreseen[plan][name].difference
            np.testing.assert_array_equal(foreseen.difference, other)


def test_figures_of_known_predictions() -> None:
    n = 400
    rng = np.random.default_rng(0)
    truth = rng.normal(0, 0.3, n)
    error = np.full(n, 0.2)
    real = truth + rng.normal(0, 0.2, n)
    scored = Scored(np.arange(n) // 2, np.arange(n), real, error, truth, np.full(n, 1e-6))
    found = figures(scored)
    top = ceiling(scored)
    assert found["r, noise taken off"].value == pytest.approx(1.0, abs=0.06)
    assert found["direction"].value == pytest.approx(top.direction[1], abs=0.04)
    assert found["r"].value == pytest.approx(top.r, abs=0.04)
    assert found["coverage"].value == pytest.approx(0.95, abs=0.03)
    assert top.decisive[0] > top.direction[0]
    wrong = Scored(scored.story, scored.test, real, error, -truth, scored.spread)
    assert figures(wrong)["direction"].value == pytest.approx(1 - found["direction"].value)


def test_silence_is_half_right_and_never_confident() -> None:
    n = 40
    real = np.random.default_rng(0).normal(0, 1, n)
    silent = Scored(np.arange(n), np.arange(n), real, np.ones(n), np.zeros(n), np.ones(n))
    found = figures(silent)
    assert found["direction"].value == 0.5
    assert found["log loss"].value == pytest.approx(np.log(2))
    assert np.isnan(found["confident quarter"].value)


def test_pairs_that_nobody_foresaw_are_not_judged(lessons: TitlePairs) -> None:
    half = np.where(np.arange(len(lessons)) % 2, 0.1, np.nan)
    scored = Scored.of(lessons, Foreseen(half, np.full(len(lessons), 0.2)))
    assert len(scored.real) == len(lessons) // 2


def test_chances_of_the_best() -> None:
    even = chances_of_best(np.zeros(4), 0.3)
    np.testing.assert_allclose(even, 0.25, atol=1e-9)
    two = chances_of_best(np.array([0.3, 0.0]), 0.3)
    assert two[0] == pytest.approx(0.8413, abs=1e-3)  # one standard deviation of the difference
    assert chances_of_best(np.array([3.0, 0.0, 0.1]), 0.01)[0] == pytest.approx(1.0)


def test_a_winner_is_named_only_where_it_can_be_told() -> None:
    close = rank_scores(np.array([0.0, 0.05]), ["a", "b"], Noises(0.3, 1.7))
    assert close.winner is None
    assert "cannot tell" in close.sentence()
    clear = rank_scores(np.array([0.0, 0.6]), ["a", "b"], Noises(0.3, 1.7))
    assert clear.winner == "b"
    first = clear.ranked[0]
    assert (first.title, first.place) == ("b", 1)
    assert first.low < first.lift < first.high
    assert first.lift == pytest.approx(np.exp(0.6) - 1)
    assert clear.ranked[1].lift == 0.0  # the first wording given is what all are held to


def test_the_folder_gives_back_the_very_same_model(lessons: TitlePairs, tmp_path: Path) -> None:
    card = learn(lessons, [StyleLearner(), WordLearner()], tmp_path, quiet)
    appeal = read_appeal(tmp_path)
    titles = ["dog house brave hero number 3", "dog house annual report number 3", "?"]
    scores = appeal.score(titles)
    assert scores[0] - scores[1] == pytest.approx(1.2, abs=0.5)
    again = tmp_path / "again"
    write_appeal(again, appeal)
    np.testing.assert_array_equal(read_appeal(again).score(titles), scores)
    assert card["learned from"]["tests of wordings"] == 160
    assert rank(appeal, titles[:2]).winner == titles[0]
    assert {path.suffix for path in again.iterdir()} == {".json", ".safetensors"}


def test_the_model_that_comes_with_footfall_is_whole_and_says_where_it_is_from() -> None:
    assert shipped_appeals() == ["headlines"]
    folder = find_appeal("headlines", Path("nowhere"))
    card = read_card(folder)
    assert "Scientific Data 8, 2021" in (folder / "README.md").read_text()
    assert card["verdict"]["status"] == "validated"
    assert card["numbers"] == file_hash(folder / NUMBERS)
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2**20
    with pytest.raises(ModelError, match="did you mean"):
        find_appeal("headlins", Path())


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / NUMBERS).unlink(), "is missing"),
        (lambda folder: (folder / CARD).unlink(), "make one with footfall learn-appeal"),
        (lambda folder: (folder / CARD).write_text("["), "learn again"),
        (lambda folder: (folder / NUMBERS).write_bytes(b"x" * 99), "is not the one"),
        (lambda folder: change(folder, voices=[]), '"voices"'),
        (lambda folder: change(folder, noises={"spread": -1.0, "overdispersion": 1.0}), "spread"),
        (lambda folder: change(folder, format=0), "another version"),
    ],
)
def test_damaged_folders_are_refused_in_a_line(tmp_path: Path, spoil, message: str) -> None:
    voice = Voice("style", Style(), np.ones(len(MEASURES)))
    write_appeal(tmp_path, Appeal((voice,), np.ones(1), Noises(0.3, 1.0)))
    spoil(tmp_path)
    with pytest.raises(ModelError) as caught:
        read_appeal(tmp_path)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def change(folder: Path, **keys: object) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | keys))


def test_what_is_counted_in_a_title() -> None:
    row = dict(zip(MEASURES, style(["You Won't Believe THIS: 7 dogs?"])[0], strict=True))
    assert row["question marks"] == row["colons"] == row["digits"] == row["you"] == 1
    assert row["not"] == row["this, these, here"] == 1
    assert style([]).shape == (0, len(MEASURES))
    assert np.isfinite(style(["", "?!", "\u200b"])).all()


def test_words_of_a_single_title_teach_nothing() -> None:
    space = WordSpace.learn(["red dog", "red cat", "red cow"])
    assert space.encode(["dog"]).nnz == 0 or not space.encode(["dog"]).data.any()
    np.testing.assert_allclose(space.encode(["red"]).power(2).sum(), 1.0)


def test_kept_numbers_are_the_same_for_every_order(tmp_path: Path) -> None:
    encoder = Counting()
    titles = [f"hero number {n % 7}" for n in range(20)]
    first = encode_kept(encoder, titles, tmp_path)
    np.testing.assert_array_equal(encode_kept(encoder, titles, tmp_path), first)
    assert encoder.read == 7
    np.testing.assert_array_equal(first[0], first[7])


def test_an_untaught_model_is_asked_and_its_memory_looked_at(lessons: TitlePairs) -> None:
    rows = some_tests(lessons, 30)
    assert len(np.unique(lessons.pairs.test[rows])) == 30
    answers = ask(FakeModel(seed=1), lessons, rows, quiet)
    assert [one.name for one in answers.asked] == ["asked yes-no", "asked likelihood"]
    for one in answers.asked:
        told = np.isfinite(lessons.differences(one.scores))
        assert told[rows].all()
        assert one.tokens > 0
    assert answers.contamination.clean
    assert not Contamination(100, 0.2, 0.3).clean
    assert "may know" in Contamination(100, 0.2, 0.3).sentence()


def test_too_few_tests_are_refused() -> None:
    with pytest.raises(DataError, match="40 are needed"):
        TitlePairs.of(headlines(tests=20))


@pytest.fixture
def no_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners, "sentences_installed", lambda: False)


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["footfall", *words])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.mark.usefixtures("no_encoder")
def test_the_commands(tmp_path: Path, monkeypatch, capsys) -> None:
    table = tmp_path / "tests.csv"
    headlines(tests=120, seed=2).arms.to_csv(table, index=False)
    out = str(tmp_path / "out")
    assert run(monkeypatch, "backtest", str(table), "--out", out, "--model", "none") == 0
    told = capsys.readouterr()
    assert "going on without it" in told.err.replace("\n", " ")
    assert "alidated for wordings of the same item" in told.out.replace("\n", " ")
    page = (tmp_path / "out" / "backtest.html").read_text()
    assert "Foreseen by time" in page
    assert "Reported elsewhere, on other tests" in page
    appeal = str(tmp_path / "appeal")
    assert run(monkeypatch, "learn-appeal", str(table), "--out", appeal, "--model", "none") == 0
    capsys.readouterr()
    new = tmp_path / "new.csv"
    new.write_text("item,title\na,dog house policy memo\na,dog house brave hero\nb,x\nb,y\n")
    assert run(monkeypatch, "ask-appeal", appeal, "--variants", str(new), "--json") == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["winner"] == "dog house brave hero"
    assert second["winner"] is None
    assert sum(one["best"] for one in first["ranked"]) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item,titel\na,x\na,y\n", 'no column "title"; did you mean "titel"?'),
        ("item,title\na,x\n", 'two different wordings of item "a"'),
        ("item,title\na,x\na,\n", "row 2 has no title"),
    ],
)
def test_tables_of_wordings_that_cannot_be_ranked(tmp_path, monkeypatch, capsys, text, message):
    voice = Voice("style", Style(), np.ones(len(MEASURES)))
    write_appeal(tmp_path, Appeal((voice,), np.ones(1), Noises(0.3, 1.0)))
    (tmp_path / "new.csv").write_text(text)
    status = run(monkeypatch, "ask-appeal", str(tmp_path), "--variants", str(tmp_path / "new.csv"))
    assert status == 2
    assert message in capsys.readouterr().err


def test_the_story_says_what_was_left_out(tmp_path: Path) -> None:
    arms = headlines(tests=60).arms.astype({"taken": float})
    arms.loc[3, "taken"] = -1.0
    pd.DataFrame(arms).to_csv(tmp_path / "t.csv", index=False)
    lines: list[str] = []
    options = story.AppealOptions(tmp_path / "t.csv", tmp_path / "out", model="none")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learners, "sentences_installed", lambda: False)
        story.backtest(options, lines.append)
    assert lines[0] == "1 x arm without a test, or with impossible counts: dropped"
