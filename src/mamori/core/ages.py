"""The age groups that every table and array of people shares."""

AGE_GROUPS: tuple[str, ...] = (*(f"{age}-{age + 4}" for age in range(0, 80, 5)), "80+")
"""The 17 groups 0-4, 5-9, ..., 75-79, 80+, in the order of every array's age axis."""
