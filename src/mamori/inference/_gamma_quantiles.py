"""Quantiles of the gamma distribution for many shapes at a few probabilities, fast."""

import numpy as np
from numpy.polynomial import chebyshev
from scipy.special import gammaincinv

SMALLEST = 1.0
"""From this shape on the quantiles are interpolated; below, the function is too steep."""
DEGREE = 24


def unit_gamma_quantiles(shape: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the quantiles (N, Q) of gamma distributions of scale 1 and shapes (N,) > 0 at probabilities (Q,).

    For one probability the cube root of quantile / shape is a smooth function of shape^(-1/2) (Wilson & Hilferty
    1931: nearly a parabola), also where that goes to 0. It is interpolated at Chebyshev points computed by
    `scipy.special.gammaincinv`, to about 1e-13 of the value: a tenth of the time of computing each.
    NaN shapes give NaN.
    """
    smooth = shape >= SMALLEST
    quantiles = np.full((len(shape), len(probabilities)), np.nan)
    many = np.count_nonzero(smooth) > 4 * DEGREE
    if many:
        nodes = 0.5 * (1.0 + chebyshev.chebpts1(DEGREE + 1)) * SMALLEST**-0.5
        at_nodes = np.cbrt(gammaincinv(nodes[:, None] ** -2.0, probabilities) * nodes[:, None] ** 2)
        coefficients = chebyshev.chebfit(chebyshev.chebpts1(DEGREE + 1), at_nodes, DEGREE)
        position = 2.0 * np.sqrt(SMALLEST / shape[smooth]) - 1.0
        quantiles[smooth] = (chebyshev.chebval(position, coefficients) ** 3 * shape[smooth]).T
    rest = np.isfinite(shape) & ~(smooth & many)
    shapes, where = np.unique(shape[rest], return_inverse=True)
    quantiles[rest] = gammaincinv(shapes[:, None], probabilities)[where]
    return quantiles
