"""From two ratios to a care pathway: fatality in a ward and in intensive care, with and without care.

Most pathogens are published as a hospitalisation ratio and a fatality ratio of infections. The care pathway
needs the probability of death in a ward bed and in intensive care. The rule takes the contrast between the
two from a pathogen whose pathway is known and moves the odds of both by one common factor, so that the given
fatality comes out exactly and no probability leaves [0, 1).
"""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

HIGHEST_UNTREATED_FATALITY = 0.95
"""Cap on the fatality without care that a ratio gives: squire's fatality without intensive care."""


def hospital_fatality(prob_icu: FloatArray, death_ward: FloatArray, death_icu: FloatArray) -> FloatArray:
    """Return the fatality of those needing hospital, (1 - s) w + s u: share in ICU s, deaths w and u."""
    return (1.0 - prob_icu) * death_ward + prob_icu * death_icu


def split_fatality(
    fatality: FloatArray, prob_icu: FloatArray, death_ward: FloatArray, death_icu: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the deaths in ward and intensive care that give `fatality` at unchanged odds ratio of the two.

    All arguments are shares that broadcast together: the wanted fatality h in [0, 1), the share s in
    intensive care, and the reference's probabilities of death in (0, 1). With the reference's odds a (ward)
    and b (ICU), the common factor x of the odds solves (1 - s) a x / (1 + a x) + s b x / (1 + b x) = h, a
    quadratic with one positive root.
    """
    a = death_ward / (1.0 - death_ward)
    b = death_icu / (1.0 - death_icu)
    quadratic = a * b * (1.0 - fatality)
    linear = (1.0 - prob_icu) * a + prob_icu * b - fatality * (a + b)
    root = np.sqrt(linear**2 + 4.0 * quadratic * fatality)
    # Two forms of one root: each avoids subtracting nearly equal numbers for its sign of `linear`.
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(linear > 0, 2.0 * fatality / (linear + root), (root - linear) / (2.0 * quadratic))
    return a * factor / (1.0 + a * factor), b * factor / (1.0 + b * factor)


def untreated_fatality(fatality: FloatArray, ratio: FloatArray) -> FloatArray:
    """Return the fatality without care: `ratio` times the one with care, at most 0.95, never below it."""
    return np.maximum(fatality, np.minimum(ratio * fatality, HIGHEST_UNTREATED_FATALITY))
