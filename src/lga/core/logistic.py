"""Multinomial logistic regression on a few examples, from their Gram matrix alone."""

import torch
from einops import einsum, rearrange
from jaxtyping import Float
from torch import Tensor

STEPS = 30
"""Newton steps at most; a handful is usual."""
TOLERANCE = 1e-4
"""The largest change of a class score, relative to the largest score, after which a solution counts as found: the
error is then of the order of its square."""


def fit_logistic(
    gram: Float[Tensor, "*batch support support"],
    target: Float[Tensor, "*batch support way"],
    strength: float | Float[Tensor, "*batch"],
) -> Float[Tensor, "*batch support way"]:
    """The weights a with which a clip's class scores are its inner products with the examples, times a.

    They minimise strength * sum of cross-entropies + ||W||^2 / 2 over linear maps W = sum_i x_i a_i without intercept
    (scikit-learn's C and objective). The best W lies in the span of the examples, so only their inner products are
    needed; the n-th step solves `way` systems of the examples' size and one more. Any number of problems at once.
    Gradients flow through the steps.

    Raises:
        ValueError: if a strength is not positive.

    Source: Newton steps as in Rasmussen & Williams, Gaussian Processes for Machine Learning, alg. 3.3.
    """
    scale = torch.as_tensor(strength, dtype=gram.dtype, device=gram.device)
    if not bool((scale > 0).all()):
        raise ValueError(f"the strength must be positive, not {strength}")
    kernel = gram * scale[..., None, None]
    weight = torch.zeros_like(target)
    score = torch.zeros_like(target)
    for _ in range(STEPS):
        weight = _newton_step(kernel, target, score)
        before, score = score, kernel @ weight
        change, size = ((one.abs().amax((-2, -1))) for one in (score - before, score))
        if bool((change <= TOLERANCE * size).all()):
            break
    return weight * scale[..., None, None]


def _newton_step(
    kernel: Float[Tensor, "*batch support support"],
    target: Float[Tensor, "*batch support way"],
    score: Float[Tensor, "*batch support way"],
) -> Float[Tensor, "*batch support way"]:
    share = score.softmax(-1)
    root = rearrange(share, "... s w -> ... w s").sqrt()
    eye = torch.eye(kernel.shape[-1], dtype=kernel.dtype, device=kernel.device)
    inner = eye + root[..., :, None] * kernel[..., None, :, :] * root[..., None, :]
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(inner))
    curve = root[..., :, None] * inverse * root[..., None, :]  # (D^-1 + K)^-1 of every class
    pull = share * score - share * (share * score).sum(-1, keepdim=True) + target - share
    bent = einsum(curve, kernel @ pull, "... w i j, ... j w -> ... i w")
    shared = torch.cholesky_inverse(torch.linalg.cholesky(curve.sum(-3)))
    common = einsum(shared, bent.sum(-1), "... i j, ... j -> ... i")
    return pull - bent + einsum(curve, common, "... w i j, ... j -> ... i w")
