"""The comparison of arms: planted answers, and agreement with other people's code."""

import json

import numpy as np
import pandas as pd
import pytest

from eval_worlds import impressions, planted_run, write_run
from footfall_eval import RunLog, compare


def test_planted_effect_is_found(tmp_path):
    result = compare(RunLog.open(planted_run(tmp_path)))
    clicks = result.contrast("better", "clicks")
    # 20 items shown to each user, .1 more clicks on each.
    assert clicks.ci_low < 2.0 < clicks.ci_high
    assert clicks.p_value < 1e-6
    assert clicks.correlation > 0.2
    assert result.verdict.startswith("better beats base in purchases per user: +")
    assert result.verdict.endswith("Not validated: footfall validate was not run.")


def test_identical_arms_differ_by_exactly_nothing(tmp_path):
    rng = np.random.default_rng(3)
    first = impressions(rng, "a", [f"u{k}" for k in range(50)], unanswered=0.1)
    run = write_run(tmp_path, pd.concat([first, first.assign(arm="b")]))
    result = compare(RunLog.open(run))
    for contrast in result.contrasts:
        assert (contrast.difference, contrast.ci_low, contrast.ci_high) == (0, 0, 0)
        assert contrast.p_value == contrast.p_adjusted == 1
    assert result.contrast("b", "clicks").correlation == pytest.approx(1)
    assert "identical" in result.verdict


def test_json_has_the_documented_keys(tmp_path):
    document = json.loads(compare(RunLog.open(planted_run(tmp_path))).to_json())
    assert list(document)[:3] == ["verdict", "arms", "contrasts"]
    assert document["validity"]["status"] == "not validated"
    assert (document["primary"], document["control"]) == ("purchases", "base")
    assert document["cautions"] == []
    assert [arm["name"] for arm in document["arms"]] == ["base", "better"]
    keys = {"metric", "control", "treatment", "difference", "ci_low", "ci_high", "p_value"}
    assert all(keys | {"correlation"} <= set(contrast) for contrast in document["contrasts"])


def test_a_notebook_shows_a_table_with_escaped_names(tmp_path):
    rng = np.random.default_rng(3)
    users = [f"u{k}" for k in range(40)]
    shown = [impressions(rng, arm, users) for arm in ("a", "<b>")]
    result = compare(RunLog.open(write_run(tmp_path, pd.concat(shown))))
    html = result._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert list(result.to_frame().metric) == [contrast.metric for contrast in result.contrasts]
