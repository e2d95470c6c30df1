import json
from functools import partial

import pytest

from lga.config import MethodConfig, ProtocolConfig
from lga.evaluation.compare import by_shots, compare_rows, markdown, value
from lga.evaluation.tables import ablation

pytestmark = pytest.mark.usefixtures("one_thread")

PROTOCOL = ProtocolConfig(ways=3, episodes=40, seed=2, source_disjoint=True)


@pytest.fixture(scope="module")
def comparison(load):
    return compare_rows(
        ablation(MethodConfig(frames=6), train=False), load, partial(by_shots, protocol=PROTOCOL, shots=(1, 2))
    )


def test_markdown_holds_a_table_for_each_section_with_all_rows(comparison):
    text = markdown(comparison)
    lines = text.splitlines()
    assert lines[0] == "## Ablation"
    assert [one for one in lines if one.startswith("### ")] == ["### 3-way 1-shot", "### 3-way 2-shot"]
    tables = [one for one in lines if one.startswith("| ")]
    assert len(tables) == 2 * (2 + 6)
    assert len({len(one) for one in tables[:8]}) == 1  # the columns line up
    first = [one.strip() for one in tables[2].strip("|").split("|")]
    mean = comparison.sections[0].accuracy["no anatomy"].mean
    assert first[:2] == ["no anatomy", f"{100 * mean:.2f}"]
    assert first[-1] == "75.8"
    assert "40 episodes, source-disjoint, seed 2" in lines
    assert "* both, V-T: the same, the text match alone" in lines


def test_a_figure_is_shown_beside_its_own_number_of_examples_only(comparison):
    lines = [one for one in markdown(comparison).splitlines() if one.startswith("| no anatomy")]
    assert [one.rstrip("| ").endswith("75.8") for one in lines] == [True, False]


def test_the_values_hold_every_setting_and_every_interval(comparison):
    found = json.loads(json.dumps(value(comparison)))
    assert [row["name"] for row in found["rows"]] == [row.name for row in comparison.plan.rows]
    assert found["rows"][0]["method"]["matcher"] == "bi_mhm"
    assert found["rows"][5]["published"] == {"1": 86.8, "5": 89.3}
    for section, kept in zip(comparison.sections, found["sections"], strict=True):
        assert kept["protocol"]["shots"] == section.protocol.shots
        for name, one in section.difference.items():
            assert kept["difference"][name]["mean"] == one.mean
            assert kept["difference"][name]["clips"] == list(one.clips)
