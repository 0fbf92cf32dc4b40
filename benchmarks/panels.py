"""Simulated panels of weekly series with outbreaks whose truth is known, and how well alarms find them.

The design follows Noufaily et al. 2013 (Stat Med 32:1206): seven parameter sets, each with and without trend and
with no, an annual or an annual and half-yearly season (42 scenarios). A week's mean is

    mu_t = exp(theta + beta t [trend] + sum_j (gamma1 cos(2 pi j t / 52) + gamma2 sin(2 pi j t / 52))),  j = 1..season

and its count is negative binomial with variance phi mu_t (Poisson for phi = 1). An outbreak that starts in week s
has Poisson(k sqrt(phi mu_s)) cases, each ``floor(X)`` weeks after s, where X is lognormal(0, 0.5) unless another
`Spread` is asked for. Four outbreaks lie in the past; with probability 0.8 one starts in the last 52 weeks.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SETS = (  # theta, beta, gamma1, gamma2, phi
    (0.1, 0.0025, 0.6, 0.6, 1.5),
    (-2.0, 0.005, 0.1, 0.3, 2.0),
    (1.5, 0.003, 0.2, -0.4, 1.0),
    (0.5, 0.002, 0.5, 0.5, 5.0),
    (2.5, 0.001, 1.0, 0.1, 3.0),
    (3.75, 0.001, 0.1, -0.1, 1.1),
    (5.0, 0.0001, 0.05, 0.01, 1.2),
)
SCENARIOS = tuple((*s, trend, season) for season in range(3) for trend in range(2) for s in SETS)
WEEKS, CURRENT, LAST_START = 520, 52, 40
PAST_OUTBREAKS, PAST_LAST_START = 4, 440
SHARE_WITH_OUTBREAK = 0.8

Spread = Callable[[np.random.Generator, int], np.ndarray]
"""Draws for each of n cases the week (0, 1, ...) of its outbreak."""


def brief(rng: np.random.Generator, cases: int) -> np.ndarray:
    """Weeks of the cases of a short outbreak, as in the published design: two to four weeks."""
    return np.floor(rng.lognormal(0.0, 0.5, cases)).astype(np.int64)


def flat(rng: np.random.Generator, cases: int) -> np.ndarray:
    """Weeks of the cases of an outbreak of six even weeks."""
    return rng.integers(0, 6, cases)


def ramp(rng: np.random.Generator, cases: int) -> np.ndarray:
    """Weeks of the cases of an outbreak that grows evenly over eight weeks and stops."""
    return np.floor(8.0 * np.sqrt(rng.random(cases))).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Panel:
    """Counts (S, T) with their truth: cases of outbreaks (S, T), mean without them (S, T), dispersion (S,).

    `size` (S,) is k of the outbreak in the last 52 weeks, 0 where there is none.
    """

    counts: np.ndarray
    outbreak: np.ndarray
    mean: np.ndarray
    phi: np.ndarray
    size: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        """Whether a week (S, 52) of the last 52 lies between the first and the last case of their outbreak."""
        cases = self.outbreak[:, -CURRENT:] > 0
        begun = np.maximum.accumulate(cases, axis=1)
        lasts = np.maximum.accumulate(cases[:, ::-1], axis=1)[:, ::-1]
        return np.asarray(begun & lasts)


def simulate_panel(
    seed: int, series: int = 500, *, spread: Spread = brief, shared: int = 1, share: float = SHARE_WITH_OUTBREAK
) -> Panel:
    """Return a panel of `series` series from `seed`.

    `shared` consecutive series, at least 1, are neighbours: their current outbreaks come together, with the same k,
    start and sizes in their own standard deviations. `share` of the series (of the groups) have a current outbreak.
    """
    rng = np.random.default_rng((0x6D616D6F7269, seed))
    row = np.array([SCENARIOS[i // shared % len(SCENARIOS)] for i in range(series)])
    theta, beta, gamma1, gamma2, phi, trend, season = row.T[:, :, None]
    t = np.arange(1, WEEKS + 1)
    eta = theta + beta * trend * t
    for j in (1, 2):
        angle = 2.0 * np.pi * j * t / 52.0
        eta = eta + np.where(season >= j, gamma1 * np.cos(angle) + gamma2 * np.sin(angle), 0.0)
    mean = np.exp(eta)
    counts = rng.poisson(mean)
    wide = phi[:, 0] > 1.0
    size = mean[wide] / (phi[wide] - 1.0)
    counts[wide] = rng.negative_binomial(size, 1.0 / np.broadcast_to(phi[wide], size.shape))
    outbreak = np.zeros_like(counts)
    now = np.zeros(series, dtype=np.int64)
    for i in range(series):
        deviation = np.sqrt(phi[i, 0] * mean[i])
        for _ in range(PAST_OUTBREAKS):
            _add(rng, outbreak[i], int(rng.integers(0, PAST_LAST_START)), int(rng.integers(2, 9)), deviation, spread)
        if i % shared == 0:
            k, start = int(rng.integers(1, 11)), WEEKS - CURRENT + int(rng.integers(0, LAST_START))
            comes = rng.random() < share
        if comes:
            now[i] = k
            _add(rng, outbreak[i], start, k, deviation, spread)
    return Panel((counts + outbreak).astype(float), outbreak, mean, phi[:, 0], now)


def _add(rng: np.random.Generator, row: np.ndarray, start: int, k: int, deviation: np.ndarray, spread: Spread) -> None:
    cases = int(rng.poisson(k * deviation[start]))
    weeks = start + spread(rng, cases)
    np.add.at(row, weeks[weeks < len(row)], 1)


@dataclass(frozen=True)
class Found:
    """How well alarms found the outbreaks of a panel (shares between 0 and 1; the delay in weeks).

    POD: outbreaks with an alarm between their first and last case, of all, of those with k >= 5, and in the first
    week; sensitivity: outbreak weeks with an alarm; FPR: other weeks with an alarm; PPV: alarms in outbreak weeks.
    """

    pod: float
    pod_large: float
    pod_first_week: float
    sensitivity: float
    fpr: float
    ppv: float
    f1: float
    delay: float


def find(panel: Panel, alarm: np.ndarray) -> Found:
    """Return how well the alarms (S, 52) of the last 52 weeks found the panel's outbreaks."""
    inside = panel.inside
    hits = alarm & inside
    there = inside.any(axis=1)
    found = hits[there].any(axis=1)
    first = np.argmax(inside[there], axis=1)
    delay = np.argmax(hits[there], axis=1) - first
    sensitivity, fpr = hits.sum() / inside.sum(), (alarm & ~inside).sum() / (~inside).sum()
    ppv = hits.sum() / max(1, alarm.sum())
    return Found(
        pod=float(found.mean()),
        pod_large=float(found[panel.size[there] >= 5].mean()),
        pod_first_week=float((found & (delay == 0)).mean()),
        sensitivity=float(sensitivity),
        fpr=float(fpr),
        ppv=float(ppv),
        f1=float(2.0 * ppv * sensitivity / max(1e-12, ppv + sensitivity)),
        delay=float(np.median(delay[found])) if found.any() else float("nan"),
    )


def threshold_for(panels: list[Panel], scores: list[np.ndarray], fpr: float = 0.009) -> float:
    """Return the smallest threshold for which ``score > threshold`` (scores (S, 52)) has at most that FPR overall."""
    outside = np.concatenate([np.nan_to_num(s, nan=-np.inf)[~p.inside] for p, s in zip(panels, scores, strict=True)])
    outside.sort()
    allowed = int(fpr * len(outside))
    return float(outside[len(outside) - 1 - allowed])
