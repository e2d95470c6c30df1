from functools import partial

import pytest

from lga.config import MethodConfig, ProtocolConfig
from lga.errors import ManifestError
from lga.evaluation.compare import by_shots, compare_rows
from lga.evaluation.main_table import Column, find_column, main_cells, main_table, published_value
from lga.evaluation.published import PUBLISHED, TITLES

pytestmark = pytest.mark.usefixtures("one_thread")

BASE = MethodConfig(frames=5)
OWN = Column(None, "somewhere else")


@pytest.fixture
def manifest(tmp_path):
    """`manifest(benchmark, ...)`: a manifest with a row of each benchmark given; without any, no such column."""

    def write(*benchmarks):
        rows = [f"{n}.mp4,wave,test,{one},published lists" for n, one in enumerate(benchmarks)]
        text = ["path,label,split,benchmark,lists", *rows] if rows else ["path,label", "0.mp4,wave"]
        (tmp_path / "it.csv").write_text("\n".join(text))
        return tmp_path / "it.csv"

    return write


@pytest.fixture(scope="module")
def section(load):
    """`section(shots)`: the section of a filled table."""

    def section(shots):
        ask = partial(by_shots, protocol=ProtocolConfig(episodes=20), shots=(shots,))
        return compare_rows(main_table(BASE, OWN, train=False), load, ask).sections[0]

    return section


@pytest.mark.parametrize("benchmark", TITLES)
def test_the_test_split_of_a_benchmark_stands_in_its_column(benchmark, manifest):
    column = find_column(manifest(benchmark, benchmark), "test")
    assert column.benchmark == benchmark
    assert column.why.endswith(f"{TITLES[benchmark]}, by the published lists")


@pytest.mark.parametrize("split", [None, "val"])
def test_other_classes_of_a_benchmark_stand_apart(split, manifest):
    column = find_column(manifest("ucf101"), split)
    assert column.benchmark is None
    assert "UCF101" in column.why


@pytest.mark.parametrize("benchmarks", [(), ("",), ("mine",), ("hmdb51", "ucf101"), ("hmdb51", "")])
def test_what_is_not_wholly_one_benchmark_stands_apart(benchmarks, manifest):
    assert find_column(manifest(*benchmarks), "test").benchmark is None


def test_a_missing_manifest_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"none\.csv"):
        find_column(tmp_path / "none.csv", "test")


def test_without_training_what_needs_none_is_measured():
    plan = main_table(BASE, OWN, train=False)
    assert [(row.name, row.peer) for row in plan.rows] == [
        ("LGA, measured", None),
        ("EMP-Net, measured", "emp_net_untrained"),
    ]
    assert any("CLIP-FSAR" in note and "--train" in note for note in plan.notes)


def test_trained_rows_are_compared_with_trained_lga():
    plan = main_table(BASE, OWN, train=True)
    assert {row.name: (row.peer, plan.rival(row)) for row in plan.rows if row.trained} == {
        "LGA, trained here": (None, "LGA, measured"),
        "CLIP-FSAR, trained here": ("clip_fsar_combined", "LGA, trained here"),
        "EMP-Net, trained here": ("emp_net", "LGA, trained here"),
    }


def test_every_published_row_comes_with_its_source():
    notes = main_table(BASE, OWN, train=False).notes
    assert all(any(row.source in note for note in notes) for row in PUBLISHED)


def test_measured_rows_stand_in_a_column_of_their_own_or_the_benchmarks(section):
    one = section(1)
    apart, within = main_cells(one, OWN), main_cells(one, Column("ucf101", ""))
    assert apart[0] == [*within[0], "this manifest"]
    mine = [row for row in apart if row[0] in one.accuracy]
    assert [row[1:-1] for row in mine] == [[""] * 5] * 2
    assert [row[-1] for row in mine] == [
        f"{100 * reached.mean:.1f} ± {100 * reached.ci95:.1f}" for reached in one.accuracy.values()
    ]
    place = within[0].index("UCF101")
    assert [row[place] for row in within[-2:]] == [row[-1] for row in mine]
    assert all(cell == "" for row in within[-2:] for at, cell in enumerate(row) if at not in (0, place))


@pytest.mark.parametrize("shots", [1, 2, 3])
def test_published_figures_are_those_of_the_number_of_examples(shots, section):
    cells = {row[0]: row[1:] for row in main_cells(section(shots), OWN)}
    for row in PUBLISHED:
        figures = [row.accuracy[one].get(shots) for one in TITLES]
        if any(figures):
            assert cells[f"{row.name}, published"] == ["" if one is None else f"{one:.1f}" for one in figures] + [""]
        else:
            assert f"{row.name}, published" not in cells


def test_values_hold_every_figure_and_its_source():
    value = published_value(Column("ssv2_full", ""))
    assert value["benchmark"] == "ssv2_full"
    assert [one["source"] for one in value["published"]] == [row.source for row in PUBLISHED]
    assert value["published"][0]["accuracy"]["ssv2_full"] == {"1": 63.8, "5": 74.4}
