"""Simulate an epidemic in one country: nothing done, fewer contacts, and fewer contacts until a vaccine comes."""

import mamori

fewer_contacts = mamori.Measures(
    contacts=(
        mamori.ContactReduction(mamori.Reductions(work=0.5, school=1.0, community=0.6), start_day=30, end_day=300),
    )
)
vaccine = mamori.Vaccination(start_day=100)

for label, measures, vaccination in (
    ("nothing done", None, None),
    ("fewer contacts, days 30 to 300", fewer_contacts, None),
    ("the same, vaccine from day 100", fewer_contacts, vaccine),
):
    simulation = mamori.simulate(
        "KEN", "sars-cov-2", r0=2.5, days=500, draws=4, seed=1, measures=measures, vaccination=vaccination
    )
    totals = {row["metric"]: row for row in simulation.summary().iter_rows(named=True)}
    deaths = totals["deaths"]
    print(f"{label:32} deaths {deaths['mean']:8,.0f}  (5 %: {deaths['q05']:,.0f}, 95 %: {deaths['q95']:,.0f})")
