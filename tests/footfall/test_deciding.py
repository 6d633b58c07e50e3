"""Pages that somebody else made up get the very chances that a run gives them."""

from contextlib import closing

import numpy as np
import pytest
import yaml

import shop
from footfall.deciding import Decider, MadeUpPage
from footfall.errors import UserError
from footfall.options import Options
from footfall.runs.run import run
from footfall.scenario.scenario import parse_scenario
from footfall_eval import RunLog


@pytest.fixture(scope="module", params=["fake", "none"])
def played(request, tmp_path_factory):
    """The shop, and the first pages of a run in it."""
    folder = tmp_path_factory.mktemp("deciding")
    shop.write_shop(folder)
    raw = shop.scenario(model={"name": request.param})
    (folder / "shop.yaml").write_text(yaml.safe_dump(raw))
    scenario = parse_scenario(raw)
    run(scenario, Options(folder / "run", folder))
    first = (
        RunLog.open(folder / "run")
        .execute("SELECT * FROM impressions WHERE session = 0 AND page = 0 AND arm = 'knn'")
        .df()
        .sort_values(["user", "position"])
    )
    with closing(Decider(scenario, folder)) as decider:
        yield decider, first


def pages_of(first):
    return [
        MadeUpPage(user, tuple(rows["item"])) for user, rows in first.groupby("user", sort=True)
    ]


def test_a_run_and_a_question_agree(played):
    decider, first = played
    pages = pages_of(first)
    assert len(pages) > 10
    found = decider.foresee(pages)
    for name, column in (("click", "p_click"), ("buy", "p_buy"), ("read", "p_examine")):
        told = np.concatenate([getattr(one, name) for one in found])
        np.testing.assert_allclose(told, first[column].to_numpy(), rtol=1e-9)
    assert all(one.answered for one in found)


def test_company_and_order_do_not_matter(played):
    decider, first = played
    pages = pages_of(first)
    together = decider.foresee(pages)
    assert decider.foresee(pages[::-1]) == together[::-1]
    assert [decider.foresee([page])[0] for page in pages[:5]] == together[:5]
    assert decider.foresee([]) == []


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (("nobody", ("baking-1",)), 'no user "nobody"'),
        (("c1", ("baking-1", "baking-999")), 'no item "baking-999"'),
        (("c1", ("baking-1", "baking-1")), "stands twice"),
        (("c1", ()), "a page of 0 items"),
        (("c1", tuple(f"baking-{n}" for n in range(20))), "1 to 5"),
    ],
)
def test_pages_that_cannot_be(played, page, message):
    decider, first = played
    user = first["user"].iloc[0] if page[0] == "c1" else page[0]
    with pytest.raises(UserError, match=message):
        decider.foresee([MadeUpPage(user, page[1])])
