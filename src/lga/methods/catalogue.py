"""All methods by name. A method of your own is added as an entry: METHODS["mine"] = MethodEntry(...)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from lga.backbone.protocol import Space
from lga.config import MethodConfig
from lga.errors import SettingsError
from lga.methods.bi_mhm import bi_mhm
from lga.methods.clip_fsar import ClipFSAR
from lga.methods.emp_net import EMPNet
from lga.methods.frame_cosine import frame_cosine
from lga.methods.lga import lga_method
from lga.methods.linear import linear
from lga.methods.otam import otam
from lga.methods.protocol import Method
from lga.methods.protonet import protonet
from lga.methods.text_only import text_only
from lga.methods.tip_adapter import tip_adapter
from lga.methods.trx import TRX


@dataclass(frozen=True, slots=True, repr=False)
class MethodEntry:
    """A method with the settings of its paper."""

    title: str
    paper: str
    build: Callable[[Space], Method]
    """makes the method for features laid out like this; a new trainable method has random weights"""
    trainable: bool = False
    text: bool = False
    """whether names or sentences of the classes are read"""
    examples: bool = True
    """whether examples are looked at, if only to tell which texts suit everything; without, the method is zero-shot"""

    def __repr__(self) -> str:
        """On one line."""
        return f"MethodEntry({self.title!r}, {self.paper!r})"


LGA_PAPER = "LGA, Qian 2025, arXiv:2507.16287"
EMP_NET_PAPER = "EMP-Net, Wu 2024, ECCV"
METHODS: dict[str, MethodEntry] = {
    "lga": MethodEntry("stages, video and text match", LGA_PAPER, lambda _: lga_method(MethodConfig()), text=True),
    "lga_video": MethodEntry(
        "stages, video match", LGA_PAPER, lambda _: lga_method(MethodConfig(), match="video"), text=True
    ),
    "lga_text": MethodEntry(
        "stages, text match", LGA_PAPER, lambda _: lga_method(MethodConfig(), match="text"), text=True
    ),
    "protonet": MethodEntry("mean frame, nearest mean", "Snell 2017, arXiv:1703.05175", lambda _: protonet),
    "bi_mhm": MethodEntry("nearest frames in any order", "HyRSM, Wang 2022, arXiv:2204.13423", lambda _: bi_mhm),
    "frame_cosine": MethodEntry("t-th frame with t-th frame", "baseline", lambda _: frame_cosine),
    "otam": MethodEntry("soft alignment in time", "OTAM, Cao 2020, arXiv:1906.11415", lambda _: otam),
    "trx": MethodEntry(
        "ordered frame pairs, cross-attention",
        "TRX, Perrett 2021, arXiv:2101.06184",
        lambda space: TRX(_size(space, space.visual)),
        trainable=True,
    ),
    "trx_untrained": MethodEntry(
        "ordered frame pairs, without projections",
        "TRX, Perrett 2021, arXiv:2101.06184",
        lambda space: TRX(_size(space, space.visual), width=None),
    ),
    "clip_fsar": MethodEntry(
        "name joins the examples, soft alignment",
        "CLIP-FSAR, Wang 2023, arXiv:2303.02982",
        lambda space: _clip_fsar(space, combine=False),
        trainable=True,
        text=True,
    ),
    "clip_fsar_combined": MethodEntry(
        "the same, with text^0.9 x video^0.1",
        "CLIP-FSAR's official code",
        lambda space: _clip_fsar(space, combine=True),
        trainable=True,
        text=True,
    ),
    "emp_net": MethodEntry(
        "global, patch and frame level, each by video and by name",
        EMP_NET_PAPER,
        lambda space: EMPNet(_size(space, space.visual), text_dim=_text_size(space)),
        trainable=True,
        text=True,
    ),
    "emp_net_untrained": MethodEntry(
        "the same levels and matches, without blocks",
        EMP_NET_PAPER,
        lambda space: EMPNet(_size(space, space.visual), text_dim=_text_size(space), learned=False),
        text=True,
    ),
    "linear": MethodEntry("logistic regression on mean frames", "Tian 2020, arXiv:2003.11539", lambda _: linear),
    "tip_adapter": MethodEntry(
        "cache of examples beside the names", "Zhang 2022, arXiv:2207.09519", lambda _: tip_adapter, text=True
    ),
    "text_name": MethodEntry(
        "the class's name alone", "CLIP, Radford 2021, arXiv:2103.00020", lambda _: text_only, text=True, examples=False
    ),
    "text_sentences": MethodEntry(
        "its sentences, whole clip",
        "LGA's sentences, arXiv:2507.16287",
        lambda _: partial(text_only, words="sentences"),
        text=True,
        examples=False,
    ),
    "text_thirds": MethodEntry(
        "its sentences, part by part",
        "LGA's sentences, arXiv:2507.16287",
        lambda _: partial(text_only, words="thirds"),
        text=True,
        examples=False,
    ),
}


def find_method(name: str) -> MethodEntry:
    """The method of this name.

    Raises:
        SettingsError: there is none; the names that there are are listed.
    """
    if name not in METHODS:
        raise SettingsError(f"there is no method {name!r}; there are {', '.join(METHODS)}")
    return METHODS[name]


def _clip_fsar(space: Space, *, combine: bool) -> Method:
    return ClipFSAR(_size(space, space.visual), text_dim=_text_size(space), combine=combine)


def _text_size(space: Space) -> int | None:
    """The size of the semantic part where it is apart from the visual one."""
    return None if space.visual == space.semantic else _size(space, space.semantic)


def _size(space: Space, part: slice) -> int:
    return len(range(*part.indices(space.dim)))
