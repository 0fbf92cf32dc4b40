"""Random numbers by counter (Philox4x32-10), so that an event's number depends on what it is, not on when it is drawn.

Key = (seed, purpose, place, draw); counter = (day and step, transition, age, stratum). The same seed gives the same
numbers for any number of threads and any order; two runs that are alike up to a day have the same numbers after it
wherever they are still alike. Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3", SC11.
"""

import hashlib
import math

import numpy as np

from mamori.core.jit import kernel

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def stream_key(seed: int, purpose: str, place: str, draw: int) -> np.ndarray:
    """Return the key (2,) uint64 (32 bits each) of the stream of one place and draw.

    ``purpose`` keeps the streams of different processes apart.
    """
    text = f"{seed}|{purpose}|{place}|{draw}".encode()
    return np.frombuffer(hashlib.blake2b(text, digest_size=8).digest(), dtype="<u4").astype(np.uint64)


@kernel
def philox(key, c0, c1, c2, c3):
    """Return two uniforms in (0, 1) of the stream ``key`` at the counter (c0, c1, c2, c3), 32 bits each."""
    k0 = key[0]
    k1 = key[1]
    x0 = np.uint64(c0) & _LOW
    x1 = np.uint64(c1) & _LOW
    x2 = np.uint64(c2) & _LOW
    x3 = np.uint64(c3) & _LOW
    for _ in range(10):
        p0 = _M0 * x0
        p1 = _M1 * x2
        x0 = (p1 >> _SHIFT) ^ x1 ^ k0
        x1 = p1 & _LOW
        x2 = (p0 >> _SHIFT) ^ x3 ^ k1
        x3 = p0 & _LOW
        k0 = (k0 + _W0) & _LOW
        k1 = (k1 + _W1) & _LOW
    # 52 bits each, centred so that 0 and 1 never come.
    u = (np.float64(x0) * 1048576.0 + np.float64(x1 >> np.uint64(12)) + 0.5) / 4503599627370496.0
    w = (np.float64(x2) * 1048576.0 + np.float64(x3 >> np.uint64(12)) + 0.5) / 4503599627370496.0
    return u, w


@kernel
def normal_quantile(u):
    """Standard normal quantile (Acklam's rational approximation with one Halley step; error below 1e-11)."""
    if u < 0.02425 or u > 1.0 - 0.02425:
        q = math.sqrt(-2.0 * math.log(min(u, 1.0 - u)))
        x = (
            (((-0.007784894002430293 * q - 0.3223964580411365) * q - 2.400758277161838) * q - 2.549732539343734) * q
            + 4.374664141464968
        ) * q + 2.938163982698783
        x /= (
            ((0.007784695709041462 * q + 0.3224671290700398) * q + 2.445134137142996) * q + 3.754408661907416
        ) * q + 1.0
        if u > 0.5:
            x = -x
    else:
        q = u - 0.5
        r = q * q
        x = (
            (
                (((-39.69683028665376 * r + 220.9460984245205) * r - 275.9285104469687) * r + 138.3577518672690) * r
                - 30.66479806614716
            )
            * r
            + 2.506628277459239
        ) * q
        x /= (
            (((-54.47609879822406 * r + 161.5858368580409) * r - 155.6989798598866) * r + 66.80131188771972) * r
            - 13.28068155288572
        ) * r + 1.0
    e = 0.5 * math.erfc(-x / math.sqrt(2.0)) - u
    s = e * math.sqrt(2.0 * math.pi) * math.exp(0.5 * x * x)
    return x - s / (1.0 + 0.5 * x * s)


@kernel
def poisson_quantile(mean, u):
    """Poisson quantile: exact by inversion up to a mean of 50, above by the normal quantile corrected for skewness."""
    if mean <= 0.0:
        return 0.0
    if mean > 50.0:
        z = normal_quantile(u)
        return max(0.0, math.floor(mean + math.sqrt(mean) * z + (z * z - 1.0) / 6.0 + 0.5))
    n = 0.0
    term = math.exp(-mean)
    below = term
    while u > below and n < 1000.0:
        n += 1.0
        term *= mean / n
        below += term
    return n


@kernel
def binomial_quantile(n, p, u):
    """Binomial quantile: exact by inversion up to a mean of 50, above by the normal quantile corrected for skewness."""
    if n <= 0.0 or p <= 0.0:
        return 0.0
    if p >= 1.0:
        return n
    if p > 0.5:
        return n - binomial_quantile(n, 1.0 - p, 1.0 - u)
    if n * p > 50.0:
        z = normal_quantile(u)
        x = n * p + math.sqrt(n * p * (1.0 - p)) * z + (1.0 - 2.0 * p) * (z * z - 1.0) / 6.0
        return min(n, max(0.0, math.floor(x + 0.5)))
    ratio = p / (1.0 - p)
    term = math.exp(n * math.log1p(-p))
    below = term
    k = 0.0
    while u > below and k < n:
        term *= ratio * (n - k) / (k + 1.0)
        k += 1.0
        below += term
    return k


@kernel
def gamma_variate(shape, key, c0, c1, c2, c3):
    """Gamma variate of unit scale (Marsaglia & Tsang 2000); attempts count upwards from the counter's last word."""
    if shape <= 0.0:
        return 0.0
    boost = 1.0
    a = shape
    if a < 1.0:
        u, _ = philox(key, c0, c1, c2, c3 + 0x40000000)
        boost = u ** (1.0 / a)
        a += 1.0
    d = a - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    for attempt in range(1000):
        u, w = philox(key, c0, c1, c2, c3 + (attempt << 16))
        x = normal_quantile(u)
        v = 1.0 + c * x
        if v > 0.0:
            v = v * v * v
            if math.log(w) < 0.5 * x * x + d - d * v + d * math.log(v):
                return boost * d * v
    return boost * d
