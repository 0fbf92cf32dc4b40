"""Run the built-in exercise on four countries, one year and a few draws, and write its report."""

from pathlib import Path

import mamori

folder = Path("results/small")
outcome = mamori.run_exercise(
    "disease-x",
    places=["KEN", "IND", "JPN", "USA"],
    weeks=52,
    draws=4,
    arms=["central-100", "central-365"],
    seed=1,
    out=folder,
)
deaths = outcome.summary.filter(metric="deaths", group_kind="world").select("arm", "mean", "q05", "q95")
for arm, mean, low, high in deaths.iter_rows():
    print(f"{arm}: {mean:,.0f} deaths within a year (5 %: {low:,.0f}, 95 %: {high:,.0f})")
print("The report:", mamori.write_report(folder))
