from mamori.core.ages import AGE_GROUPS


def test_seventeen_groups_of_five_years_cover_all_ages_once() -> None:
    assert len(AGE_GROUPS) == 17
    ages = [
        age
        for group in AGE_GROUPS[:-1]
        for age in range(int(group.split("-")[0]), int(group.split("-")[1]) + 1)
    ]
    assert ages == list(range(80))
    assert AGE_GROUPS[-1] == "80+"
