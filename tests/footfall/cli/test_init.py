"""``footfall init``: nine logs understood, a tenth asked about, and scenarios that run."""

import json
import re

import pytest

from console import footfall
from footfall.datasets.guessing.asking import Told, UnansweredError, nobody, usual
from footfall.datasets.guessing.guess import LogTables, guess
from footfall.datasets.guessing.words import action_of, understand
from footfall.datasets.records import read_json
from footfall.datasets.sources import load
from footfall.errors import DataError
from footfall.options import Options
from footfall.runs.run import run
from footfall.scenario.drafting import draft
from footfall.scenario.reading import read_scenario
from further_logs import FURTHER, shown
from logs_of_shops import LOGS, nameless
from logs_of_the_world import WORLD, activity_stream, bandit, czech_spreadsheet
from odd_logs import ODD, dutch_till, server_log, wide_pages

pytestmark = pytest.mark.slow

ALL = {**LOGS, **FURTHER, **ODD, **WORLD}


@pytest.mark.parametrize("name", ALL)
def test_a_log_is_understood_and_its_scenario_means_the_right_thing(tmp_path, name):
    log = ALL[name]
    beside = {"--items": "items", "--users": "users"}
    more = {beside[log.arguments[0]]: tmp_path / log.arguments[1]} if log.arguments else {}
    guessed = guess(LogTables(tmp_path / log.write(tmp_path), **more), Told(), nobody)
    source = guessed.source
    assert source.columns.model_dump(exclude_none=True) == log.columns
    action = source.action
    if not isinstance(action, str):
        action = action.model_dump(exclude={"filled"})
    assert action == log.action
    assert {name: getattr(source, name) for name in log.options} == log.options
    dataset = load(source, tmp_path)
    assert str(dataset.interactions["time"].min().date()) == log.first
    assert len(dataset.users) == 40
    drafted = draft(source, dataset, guessed.findings, tmp_path / "shop.yaml")
    (tmp_path / "shop.yaml").write_text(drafted.text)
    scenario = read_scenario(tmp_path / "shop.yaml")
    few = {"users": 5, "min_history": scenario.population.min_history}
    short = scenario.model_copy(
        update={
            "world": scenario.world.model_copy(update={"days": 1}),
            "population": scenario.population.model_copy(update=few),
        }
    )
    assert run(short, Options(tmp_path / "out", tmp_path))["status"] == "finished"


def test_a_column_that_is_not_used_is_named(tmp_path):
    file = FURTHER["odd-headers"].write(tmp_path)
    done = footfall("init", file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"not used +temperature", done.stdout)
    text = (tmp_path / "shop.yaml").read_text()
    assert "# not used: temperature" in text
    assert "propensity: shown_with  # assumed: chances of what was shown" in text
    assert "slate: 5}" in text


def test_a_score_of_a_model_is_no_propensity(tmp_path):
    pages = shown()
    pages = pages.assign(score=0.5 + pages["chance"] / 2, chance=None).drop(columns="chance")
    pages.rename(columns={"at": "time"}).to_csv(tmp_path / "x.csv", index=False)
    found = guess(LogTables(tmp_path / "x.csv"), Told(), usual)
    assert found.source.columns.propensity is None


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (server_log, "what is a row?"),
        (wide_pages, '"item_1" to "item_5" hold the same things'),
        (bandit, "what is a row?"),
        (activity_stream, 'what does "Offer" mean'),
        (czech_spreadsheet, "days as spreadsheets count them"),
    ],
)
def test_a_log_that_does_not_tell_is_asked_about(tmp_path, write, said):
    with pytest.raises(DataError, match=re.escape(said)):
        guess(LogTables(tmp_path / write(tmp_path)), Told(), nobody)


def test_cents_become_the_currency(tmp_path):
    source = guess(LogTables(tmp_path / dutch_till(tmp_path)), Told(), nobody).source
    paid = load(source, tmp_path).interactions["value"]
    assert paid.iloc[0] == pytest.approx(25.56)


def test_columns_of_json_come_in_the_order_of_the_file(tmp_path):
    """Not in that of hashes, which differs from process to process."""
    file = ODD["segment"].write(tmp_path)
    with (tmp_path / file).open("rb") as opened:
        assert list(read_json(opened))[:4] == ["messageId", "type", "event", "anonymousId"]


def test_three_commands_lead_from_a_log_to_a_verdict(tmp_path):
    file = LOGS["german"].write(tmp_path)
    done = footfall("init", file, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "As it is read (times of Europe/Berlin); is that what happened?" in done.stdout
    assert " bought " in done.stdout
    done = footfall("run", "shop.yaml", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    verdict = json.loads(footfall("compare", "out", "--json", cwd=tmp_path).stdout)
    assert [arm["name"] for arm in verdict["arms"]] == ["popular", "item-knn", "implicit"]


def test_what_only_its_owner_knows_is_asked(tmp_path):
    file = nameless(tmp_path)
    done = footfall("init", file, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.strip().endswith("--yes")
    assert not (tmp_path / "shop.yaml").exists()
    done = footfall("init", file, "--yes", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "assumed" in done.stdout
    assert "assumed" in (tmp_path / "shop.yaml").read_text()


def test_each_answer_brings_the_next_question(tmp_path):
    files, told = LogTables(tmp_path / nameless(tmp_path)), {}
    answers = {
        "--column user=": {"columns": {"user": "a"}},
        "--time-format": {"time_format": "%d/%m/%Y %H:%M"},
        "--action purchase": {"actions": {"*": "view"}},
    }
    for option, answer in answers.items():
        with pytest.raises(UnansweredError, match=option):
            guess(files, Told(**told), nobody)
        told |= answer
    source = guess(files, Told(**told), nobody).source
    assert (source.columns.user, source.columns.item, source.action) == ("a", "b", "view")


def test_numbers_for_actions_are_asked_about(tmp_path):
    rows = "".join(f"u{n % 7},i{n % 5},{n % 2 + 1},2024-01-{n % 28 + 1:02d}\n" for n in range(99))
    (tmp_path / "x.csv").write_text(f"user_id,item_id,behavior_type,date\n{rows}")
    files = LogTables(tmp_path / "x.csv")
    with pytest.raises(UnansweredError, match="behavior_type: what does"):
        guess(files, Told(), nobody)
    told = Told(actions={"1": "view", "2": "purchase"})
    assert guess(files, told, nobody).source.action.map == {"1": "view", "2": "purchase"}


def test_describe_takes_a_bare_log(tmp_path):
    file = LOGS["german"].write(tmp_path)
    done = footfall("data", "describe", file, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["users"] == 40
    assert found["currency"] == "EUR"
    assert {"user", "time"} <= {finding["what"] for finding in found["found"]}
    done = footfall("data", "describe", file, cwd=tmp_path)
    assert "Kundennummer" in done.stdout
    assert " bought " in done.stdout
    done = footfall("data", "describe", nameless(tmp_path), cwd=tmp_path)
    assert done.returncode == 2
    assert "footfall init" in done.stderr


def test_a_scenario_is_not_overwritten_by_accident(tmp_path):
    file = LOGS["taobao"].write(tmp_path)
    (tmp_path / "shop.yaml").write_text("mine")
    done = footfall("init", file, cwd=tmp_path)
    assert (done.returncode, (tmp_path / "shop.yaml").read_text()) == (2, "mine")
    assert "--overwrite" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "no column tells the time"),
        ("user,time\n1,2024-01-01\n1,2024-01-02\n", "no column names the item"),
        ("x\n1\n", "not a table of events"),
        ("196,242,3,881250949\n196,302,3,881250950\n", "looks like data, not like headers"),
        ("user,item,day\n1,1,3\n2,1,4\n1,1,9\n", '"day" (3, 4)'),
    ],
)
def test_what_is_no_log_is_refused_in_a_line(tmp_path, text, message):
    (tmp_path / "x.csv").write_text(text)
    done = footfall("init", "x.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_headers_of_many_languages():
    meant = understand(["Müşteri No", "Ürün Kodu", "Sipariş Tarihi", "Tutar"])
    assert meant.languages == ("tr",)
    assert meant.meanings["Sipariş Tarihi"] == {"order", "time"}
    assert not understand(["sentiment"]).meanings["sentiment"]
    assert [action_of(word) for word in ("Add to Cart", "remove_from_cart", "加购", "xyz")] == [
        "cart", "ignore", "cart", None
    ]  # fmt: skip


def test_a_price_for_the_row_is_told_from_one_for_a_unit(tmp_path):
    rows = []
    for n in range(200):
        units, price = n % 4 + 1, 2.5 + n % 5
        rows.append(f"u{n % 9},i{n % 5},2024-01-{n % 28 + 1:02d},{units},{units * price}")
    (tmp_path / "x.csv").write_text("user,item,date,qty,price\n" + "\n".join(rows))
    columns = guess(LogTables(tmp_path / "x.csv"), Told(), usual).source.columns
    assert (columns.value, columns.unit_price) == ("price", None)


@pytest.mark.parametrize(
    ("yes", "no", "clicked"),
    [("ja", "nein", "geklickt"), ("sí", "no", "clic"), ("да", "нет", "клик")],
)
def test_flags_say_yes_in_other_languages_too(tmp_path, yes, no, clicked):
    pages = shown()
    flags = pages["clicked"].map({1: yes, 0: no})
    chance = pages["chance"].map(lambda p: f"{p:.5f}".replace(".", ","))
    pages = pages.assign(**{clicked: flags, "probability": chance}).rename(columns={"at": "time"})
    pages.drop(columns=["clicked", "chance"]).to_csv(tmp_path / "x.csv", sep=";", index=False)
    found = guess(LogTables(tmp_path / "x.csv"), Told(), nobody)
    acts = load(found.source, tmp_path).interactions
    assert (acts["action"] == "click").sum() == (flags == yes).sum()
    assert (acts["action"] == "view").sum() == len(pages)
    assert acts["propensity"].between(0, 1).all()


def test_a_flag_in_words_that_nobody_knows_is_no_action_of_all_rows(tmp_path):
    pages = shown().rename(columns={"at": "time"})
    pages["clicked"] = pages["clicked"].map({1: "aye", 0: "nay"})
    pages.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(DataError, match=r'"clicked" holds (aye, nay|nay, aye)'):
        guess(LogTables(tmp_path / "x.csv"), Told(), usual)


def test_numbers_under_type_are_asked_about_all_at_once_and_never_left_out_unasked(tmp_path):
    pages = shown().rename(columns={"at": "time", "clicked": "type"})
    pages["type"] += 1
    pages.assign(price=2.5)[["user", "item", "time", "type", "price"]].to_csv(
        tmp_path / "x.csv", index=False
    )
    for who in (nobody, usual):
        with pytest.raises(UnansweredError, match=r"--action 1=ANSWER --action 2=ANSWER"):
            guess(LogTables(tmp_path / "x.csv"), Told(), who)


def test_words_of_one_stem_mean_one_action():
    assert {action_of(word) for word in ("compró", "ha comprado", "comprou", "a acheté")} == {
        "purchase"
    }
    assert action_of("se añadió al carrito") == action_of("ajouté au panier") == "cart"
    assert action_of("abandonó el carrito") == "ignore"


def test_ratings_with_a_comma_are_ratings(tmp_path):
    lines = [f"{n % 9};{n % 7};{n % 5},5;2024-03-{n % 28 + 1:02}" for n in range(200)]
    (tmp_path / "voti.csv").write_text("\n".join(["utente;film;voto;data", *lines]))
    source = guess(LogTables(tmp_path / "voti.csv"), Told(), nobody).source
    assert (source.action, source.columns.value, source.decimal) == ("rate", "voto", ",")


def test_a_spreadsheet_is_to_be_saved_as_text(tmp_path):
    (tmp_path / "orders.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match="save it as CSV"):
        guess(LogTables(tmp_path / "orders.xlsx"), Told(), nobody)
