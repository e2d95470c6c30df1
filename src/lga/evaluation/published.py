"""Published few-shot accuracy on the five benchmarks, each row with the page that it was read from."""

from collections.abc import Mapping
from dataclasses import dataclass

from lga.datasets.partition import Benchmark

TITLES: dict[Benchmark, str] = {
    "hmdb51": "HMDB51",
    "kinetics100": "Kinetics-100",
    "ucf101": "UCF101",
    "ssv2_small": "SSv2-Small",
    "ssv2_full": "SSv2-Full",
}
"""The benchmarks in the order of the paper's columns."""


@dataclass(frozen=True, slots=True, repr=False)
class PublishedRow:
    """One method's accuracy as published: percent, 5-way, CLIP ViT-B/16, trained on the benchmark's base classes."""

    name: str
    source: str
    accuracy: Mapping[Benchmark, Mapping[int, float]]
    """by benchmark and number of examples; what the source does not give is left out"""

    def __repr__(self) -> str:
        """On one line."""
        return f"PublishedRow({self.name!r}, {self.source!r})"


MAIN_TABLE = "LGA, Qian 2025, arXiv:2507.16287, main table"
PUBLISHED: tuple[PublishedRow, ...] = (
    PublishedRow(
        "LGA",
        MAIN_TABLE,
        {
            "hmdb51": {1: 86.8, 5: 89.3},
            "kinetics100": {1: 95.2},
            "ucf101": {1: 98.2},
            "ssv2_small": {1: 58.9, 5: 69.3},
            "ssv2_full": {1: 63.8, 5: 74.4},
        },
    ),
    PublishedRow(
        "CLIP-FSAR",
        f"{MAIN_TABLE}; the method is Wang 2023, arXiv:2303.02982",
        {
            "hmdb51": {1: 77.1, 5: 87.7},
            "kinetics100": {1: 94.8},
            "ucf101": {1: 97.0},
            "ssv2_small": {1: 54.6, 5: 61.8},
            "ssv2_full": {1: 62.1, 5: 72.1},
        },
    ),
    PublishedRow(
        "EMP-Net",
        f"{MAIN_TABLE}; the method is Wu 2024, ECCV",
        {
            "hmdb51": {1: 76.8, 5: 85.8},
            "kinetics100": {1: 89.1},
            "ucf101": {1: 94.3},
            "ssv2_small": {1: 57.1, 5: 65.7},
            "ssv2_full": {1: 63.1, 5: 73.0},
        },
    ),
    PublishedRow(
        "CLIP-SPM",
        "its authors' README, github.com/hnlxy/CLIP-SPM; the method is Li 2025, arXiv:2512.19036",
        {
            "hmdb51": {1: 78.2, 3: 86.3, 5: 88.6},
            "kinetics100": {1: 92.8, 3: 94.1, 5: 94.3},
            "ucf101": {1: 96.2, 3: 98.2, 5: 98.7},
            "ssv2_small": {1: 57.8, 3: 62.4, 5: 66.2},
            "ssv2_full": {1: 66.7, 3: 74.8, 5: 77.3},
        },
    ),
)
