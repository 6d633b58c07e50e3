"""Everything that is wrong with a scenario's text, with its line."""

import pytest
import yaml

import shop
from console import footfall
from footfall.scenario.checking import problems

TEXT = yaml.safe_dump(shop.scenario(), sort_keys=False)


def line_of(text, part):
    return 1 + next(n for n, line in enumerate(text.split("\n")) if part in line)


def test_nothing_is_wrong_with_a_good_one(tmp_path):
    assert problems(TEXT, tmp_path) == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("days: 6", "days: -6", "world.days"),
        ("days: 6", "dayz: 6", "did you mean"),
        ("kind: item-knn", "kind: item-kn", "did you mean"),
        ("seed: 3", "seed: [3", "no valid YAML"),
        ("epoch_days: 2", "epoch_days: 1.0e+12", "mistake"),
        ("seed: 3", "behaviour: nothing.yaml", "nothing.yaml"),
        ("seed: 3", 'behaviour: "a\\0b"', "cannot read"),
        ("name: fake", "name: [fake]", "model.name"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, old, new, words):
    text = TEXT.replace(old, new)
    assert text != TEXT
    found = problems(text, tmp_path)
    mine = next(one for one in found if words in one.words)
    assert (
        abs(mine.line - line_of(text, new)) <= 1
    )  # or of the key around it; YAML ends a line later
    assert "\n" not in mine.words


def test_all_mistakes_are_told_in_the_order_of_their_lines(tmp_path):
    text = TEXT.replace("days: 6", "days: -6").replace("fraction: 0.8", "fraction: 8")
    found = problems(text, tmp_path)
    assert [one.line for one in found] == sorted(one.line for one in found)
    assert len(found) == 2


def test_the_command_names_file_and_line(tmp_path):
    wrong = TEXT.replace("days: 6", "days: -6")
    (tmp_path / "shop.yaml").write_text(wrong)
    done = footfall("check", "shop.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert f"shop.yaml:{line_of(wrong, 'days: -6')}: " in done.stderr
    (tmp_path / "shop.yaml").write_text(TEXT)
    assert footfall("check", "shop.yaml", cwd=tmp_path).returncode == 0
