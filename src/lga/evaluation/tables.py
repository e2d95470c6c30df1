"""What each table compares: its rows, and how each differs from the others."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from lga.config import MAX_STAGES, MethodConfig
from lga.methods.catalogue import METHODS, find_method
from lga.model.task import Match

PUBLISHED: dict[str, object] = {"motion": "none", "head": "none"}
"""Settings that leave out what the paper does not have: motion, and the support head."""
PLAIN: dict[str, object] = {"pooling": "mean", "hub_correction": 0.0, "text_injection": 0.0, **PUBLISHED}
"""Settings that leave a metric by itself: examples averaged, no hub correction, no text, no motion, no head."""
AS_SET = "with the pooling, hub correction, motion and head of the settings"
TRAINED: tuple[str, ...] = (
    "protonet",
    "bi_mhm",
    "frame_cosine",
    "otam",
    "trx",
    "clip_fsar",
    "clip_fsar_combined",
    "emp_net",
)
"""Peers that can be trained behind an adapter, so that all learn on the same features, beside the trainable ones."""
SAID: dict[Match, str] = {"video": "V-V", "combined": "V-V + V-T"}
MATCH_OF: dict[str, Match] = {"lga": "combined", "lga_video": "video", "lga_text": "text"}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: a method, and how it differs from the others."""

    name: str
    about: str
    method: MethodConfig
    match: Match = "combined"
    peer: str | None = None
    """a method of the catalogue in place of LGA; of `method` it sees the frames and the wording only"""
    trained: bool = False
    published: dict[int, float] = field(default_factory=dict[int, float])
    """the paper's figure in percent, by number of examples"""
    against: str | None = None
    """the row that this one is compared with, where it is not the plan's"""


@dataclass(frozen=True, slots=True)
class Plan:
    """A table before it is filled in."""

    title: str
    rows: tuple[Row, ...]
    against: str
    """the row that the others are compared with"""
    notes: tuple[str, ...] = ()

    def rival(self, row: Row) -> str:
        """The row that a row is compared with."""
        return row.against or self.against


ABLATION: tuple[tuple[str, str, dict[str, object], Match, tuple[float, float]], ...] = (
    (
        "no anatomy",
        "one stage, the label for it, Bi-MHM",
        {"stages": 1, "wording": "label", "matcher": "bi_mhm"},
        "video",
        (75.8, 87.7),
    ),
    (
        "visual anatomy",
        "clips cut into stages, the label for each, AB-MHM",
        {"wording": "label"},
        "video",
        (79.9, 86.0),
    ),
    (
        "textual anatomy",
        "equal parts take the stage sentences, clips matched whole, Bi-MHM",
        {"segmenter": "hard", "overlap": 0, "matcher": "bi_mhm"},
        "video",
        (79.6, 87.2),
    ),
    ("both, V-V", "clips cut into stages, stage sentences, AB-MHM", {}, "video", (80.8, 88.2)),
    ("both, V-T", "the same, the text match alone", {}, "text", (83.1, 86.2)),
    ("both, V-V + V-T", "the same, both matches", {}, "combined", (86.8, 89.3)),
)
"""Name, what it is, the settings that it switches, its match, and the paper's HMDB51 figures at 1 and 5 shots."""
SEGMENTATION: dict[str, tuple[str, str]] = {
    "motion": ("motion", "where the flow changes, in parts of similar length, ours; without motion as centred"),
    "hard": ("HARD", "fixed windows, half of each shared with the next"),
    "twfinch": ("TW-FINCH", "nearest neighbours in sight and time"),
    "cluster": ("CLUSTER", "most similar neighbours first, the paper's"),
    "centred": ("centred", "CLUSTER on deviations from the clip's mean frame, ours"),
}


OURS: dict[str, tuple[str, dict[str, object]]] = {
    "+ support head": ("a linear classifier of appearance, solved from the examples", {"head": "support"}),
    "+ flow": ("how things move", {"motion": "flow"}),
    "+ flow and pose": ("and how a body's joints do", {"motion": "flow+pose"}),
    "+ flow and head": ("the head sees flow too", {"motion": "flow", "head": "support"}),
    "+ flow, pose and head": ("the head sees both", {"motion": "flow+pose", "head": "support"}),
}
"""What is added to the paper's last row: what it is, and its settings."""


def ablation(base: MethodConfig, *, train: bool) -> Plan:
    """The paper's six rows, switched on top of `base`, and what motion and the support head add to the last."""
    rows = [
        Row(name, about, _with(base, PUBLISHED | switched), match, published=dict(zip((1, 5), figures, strict=True)))
        for name, about, switched, match, figures in ABLATION
    ]
    whole = rows[-1].name
    added = [Row(name, about, _with(base, PUBLISHED | switched)) for name, (about, switched) in OURS.items()]
    notes = ("paper: HMDB51, 5-way, a fine-tuned CLIP ViT-B/16", f"rows with + add to {whole!r}")
    return Plan("Ablation", (*_with_trained(rows, train), *added), whole, notes)


def segmentation(base: MethodConfig, *, train: bool) -> Plan:
    """Every segmenter, by the video match and by both."""
    rows = [
        Row(f"{title}, {said}", about, _with(base, {"segmenter": name}), match, against=f"CLUSTER, {said}")
        for match, said in SAID.items()
        for name, (title, about) in SEGMENTATION.items()
    ]
    return Plan("Segmentation", _with_trained(rows, train), "CLUSTER, V-V")


def stages(base: MethodConfig, *, train: bool) -> Plan:
    """One to five stages, and each class's own number, by the video match and by both."""
    rows = [
        Row(f"L = {count}, {said}", "", _with(base, {"stages": count}), match, against=f"L = 3, {said}")
        for match, said in SAID.items()
        for count in (*range(1, MAX_STAGES + 1), "auto")
    ]
    notes = (
        "sentences for another number of stages are spread from those that there are: three, or a label's own in "
        "--descriptions",
        "auto: as many for each class as its own sentences are",
    )
    return Plan("Number of stages", _with_trained(rows, train), "L = 3, V-V + V-T", notes)


def metric(base: MethodConfig, *, train: bool) -> Plan:
    """OTAM, Bi-MHM and AB-MHM on the same features, without text; then with our pooling and hub correction."""
    whole: dict[str, object] = {"stages": 1, "matcher": "bi_mhm"}
    rows = (
        Row("OTAM", "soft alignment in time, examples averaged frame by frame", base, peer="otam"),
        Row("Bi-MHM", "nearest frames in any order, examples' distances averaged", _with(base, PLAIN | whole), "video"),
        Row("AB-MHM", "nearest frames within each stage, examples' distances averaged", _with(base, PLAIN), "video"),
        Row("Bi-MHM, as set", AS_SET, _silent(base, whole), "video"),
        Row("AB-MHM, as set", AS_SET, _silent(base, {}), "video"),
    )
    return Plan("Metric", _with_trained(rows, train), "AB-MHM")


def compare(base: MethodConfig, names: Sequence[str] | None, *, train: bool) -> Plan:
    """LGA and its peers; without `names` all that need no training, and with `train` the others and trained rows too.

    Trained rows are compared with trained LGA, and trained LGA with LGA without training.
    """
    chosen = names or [name for name, entry in METHODS.items() if train or not entry.trainable]
    rows: list[Row] = []
    for name in chosen:
        entry = find_method(name)
        row = Row(name, f"{entry.title}; {entry.paper}", base)
        row = replace(row, match=MATCH_OF[name]) if name in MATCH_OF else replace(row, peer=name)
        if entry.trainable:
            row = replace(row, about=f"{row.about}; new weights")
        rows += _with_trained([row], train and (entry.trainable or name in TRAINED or row.peer is None))
    against = "lga" if "lga" in chosen else rows[0].name
    trained_lga = next((row.name for row in rows if row.trained and row.name.startswith(f"{against},")), None)
    paired = [replace(row, against=trained_lga) if row.trained and row.name != trained_lga else row for row in rows]
    return Plan("Methods", tuple(paired), against)


def order(base: MethodConfig, *, train: bool) -> Plan:
    """How well methods tell an action from its reverse."""
    rows = (
        Row("mean prototype", "mean frame, nearest mean: blind to order", base, peer="protonet"),
        Row("frame cosine", "t-th frame with t-th frame", base, peer="frame_cosine"),
        Row("Bi-MHM", "nearest frames in any order: blind to order", base, peer="bi_mhm"),
        Row("AB-MHM", "nearest frames within each stage", _with(base, PLAIN), "video"),
        Row("AB-MHM, as set", AS_SET, base, "video"),
        Row("LGA", "the same, and the text match", base),
    )
    return Plan("Order", _with_trained(rows, train), "AB-MHM")


def chosen_methods(names: str | None) -> list[str] | None:
    """The methods of a comma-separated list.

    Raises:
        SettingsError: there is no such method.
    """
    if names is None:
        return None
    wanted = [one.strip() for one in names.split(",")]
    for name in wanted:
        find_method(name)
    return [name for name in METHODS if name in wanted]


def _with(base: MethodConfig, switched: dict[str, object]) -> MethodConfig:
    return base.updated(switched)


def _silent(base: MethodConfig, switched: dict[str, object]) -> MethodConfig:
    return _with(base, {"text_injection": 0.0, **switched})


def _with_trained(rows: Sequence[Row], train: bool) -> tuple[Row, ...]:
    """The rows and, with `train`, after them the same rows trained; the text match alone has nothing to train.

    Nor is a head trained with several numbers of stages.
    """
    trainable = [row for row in rows if train and (row.peer or (row.match != "text" and row.method.stages != "auto"))]
    return (*rows, *(replace(row, name=f"{row.name}, trained", trained=True, published={}) for row in trainable))
