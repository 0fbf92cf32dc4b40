"""Look at the world that ships inside: who lives where, how old, and with how many hospital beds."""

import mamori

world = mamori.World.load(2025)
chosen = world.select(["KEN", "Japan", "ブラジル"])

for row, people in zip(chosen.table.iter_rows(named=True), chosen.population, strict=True):
    old = people[13:].sum() / people.sum()  # the age groups from 65-69 on
    beds = 1000 * row["hospital_beds"] / row["population"]
    print(f"{row['name_en']:8} {row['population'] / 1e6:6.1f} M people, {old:5.1%} are 65+, {beds:4.1f} beds/1000")

# Every value that no source gives is marked, with the rule that gave it.
print(chosen.imputed.filter(chosen.imputed["code"] == "KEN"))
