import pytest

from lga.datasets.partition import BENCHMARKS
from lga.evaluation.published import PUBLISHED, TITLES

rows = pytest.mark.parametrize("row", PUBLISHED, ids=lambda row: row.name)
SETTLED = {
    ("LGA", "hmdb51", 1): 86.8,
    ("LGA", "ssv2_full", 5): 74.4,
    ("CLIP-FSAR", "kinetics100", 1): 94.8,
    ("CLIP-FSAR", "ssv2_small", 5): 61.8,
    ("EMP-Net", "ucf101", 1): 94.3,
    ("EMP-Net", "hmdb51", 5): 85.8,
    ("CLIP-SPM", "ssv2_small", 3): 62.4,
}


def test_every_benchmark_has_a_column():
    assert set(TITLES) == set(BENCHMARKS)


def test_names_are_unique():
    assert len({row.name for row in PUBLISHED}) == len(PUBLISHED)


@rows
def test_every_row_names_its_source(row):
    assert "arXiv:" in row.source
    assert set(row.accuracy) <= set(BENCHMARKS)


@rows
def test_figures_are_percent_and_more_examples_never_hurt(row):
    for each in row.accuracy.values():
        found = [each[shots] for shots in sorted(each)]
        assert found == sorted(found)
        assert all(50 < one < 100 for one in found)


@pytest.mark.parametrize(("key", "figure"), SETTLED.items())
def test_figures_are_those_of_the_sources(key, figure):
    name, benchmark, shots = key
    assert {row.name: row for row in PUBLISHED}[name].accuracy[benchmark][shots] == figure


def test_the_ablations_last_row_is_the_main_tables_first():
    assert PUBLISHED[0].accuracy["hmdb51"] == {1: 86.8, 5: 89.3}
