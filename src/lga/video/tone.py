"""Pictures of a high dynamic range in the colours of a usual screen."""

import numpy as np
from av.video.frame import VideoFrame
from jaxtyping import Float, UInt8

PQ, HLG = 16, 18
"""How FFmpeg numbers the two curves of ITU-R BT.2100."""
WIDE = frozenset({PQ, HLG})
BT2020 = 9
"""How FFmpeg numbers the primaries of ITU-R BT.2020."""
WHITE = 203.0
"""Candelas a square metre of diffuse white (ITU-R BT.2408, table 1)."""
PEAK = 1000.0
"""Of the screen that HLG is shown on for such a white (ITU-R BT.2408)."""
KNEE = 0.9
"""The share of diffuse white from which on lights are compressed."""
DEEP_BYTES = 12
"""Bytes a pixel that mapping a picture takes: twice three colours of 16 bits."""
ROWS = 64
"""Rows that are held as numbers of 32 bits at once."""
TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], dtype=np.float32
)
"""From the primaries of BT.2020 to those of BT.709 (ITU-R BT.2407, section 2)."""
LUMA = np.array([0.2627, 0.6780, 0.0593], dtype=np.float32)
"""Luminance of the primaries of BT.2020."""


def tone_mapped(frame: VideoFrame, width: int, height: int) -> UInt8[np.ndarray, "height width 3"]:
    """A frame in PQ or HLG as RGB of a usual screen: lights up to diffuse white stay, brighter ones are compressed.

    Source: ITU-R BT.2100 (curves), BT.2407 (colours), BT.2408 (white), BT.1886 (screen); the knee is our choice.
    """
    deep = np.asarray(frame.to_ndarray(format="rgb48le", width=width, height=height, threads=1), np.uint16)
    light = _light(frame.color_trc)
    shown = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, ROWS):
        lit = light[deep[top : top + ROWS]]
        if frame.color_trc == HLG:
            lit *= np.maximum(lit @ LUMA, 1e-6)[..., None] ** 0.2 * (PEAK / WHITE)
        if frame.color_primaries == BT2020:
            lit = lit @ TO_BT709.T
        shown[top : top + ROWS] = to_screen(lit)
    return shown


def to_screen(lit: Float[np.ndarray, "*size"]) -> UInt8[np.ndarray, "*size"]:
    """Levels 0 to 255 of a screen for linear light, of which 1 is diffuse white.

    Source: ITU-R BT.1886 for the screen; that lights above `KNEE` go to 1 by an exponential curve is our choice.
    """
    over = np.maximum(lit - KNEE, 0.0)
    shown = np.minimum(lit, KNEE) + (1 - KNEE) * (1 - np.exp(-over / (1 - KNEE)))
    return (255 * np.maximum(shown, 0.0) ** (1 / 2.4)).round().astype(np.uint8)


def _light(curve: int) -> Float[np.ndarray, "65536"]:
    """The light of each level of 16 bits: of PQ in shares of diffuse white, of HLG the scene's, 0 to 1."""
    level = np.linspace(0.0, 1.0, 65536)
    light = pq_light(level) / WHITE if curve == PQ else hlg_light(level)
    return light.astype(np.float32)


def pq_light(level: Float[np.ndarray, " levels"]) -> Float[np.ndarray, " levels"]:
    """Candelas a square metre of levels from 0 to 1.

    Source: ITU-R BT.2100, table 4, the electro-optical transfer function.
    """
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = level ** (1 / m2)
    return 10_000 * (np.maximum(root - c1, 0.0) / (c2 - c3 * root)) ** (1 / m1)


def hlg_light(level: Float[np.ndarray, " levels"]) -> Float[np.ndarray, " levels"]:
    """The scene's light, 0 to 1, of levels from 0 to 1.

    Source: ITU-R BT.2100, table 5, the inverse of the opto-electronic transfer function.
    """
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(level <= 0.5, level**2 / 3, (np.exp((level - c) / a) + b) / 12)
