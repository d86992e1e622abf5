import pytest

from marview.evaluation.published import FAMILIES, published_rows


def test_the_public_set_has_rows_of_every_family_and_each_says_which():
    rows = published_rows("syndeeplesion-640")
    assert {row.family for row in rows} == set(FAMILIES)
    assert all(row.source for row in rows)


def test_other_protocols_have_no_public_board():
    assert published_rows("aapm-1000") == ()


def test_the_average_of_mamba_is_the_papers():
    [mamba] = [row for row in published_rows("syndeeplesion-640") if row.method == "MARMamba"]
    assert mamba.psnr_db == pytest.approx(49.54, abs=0.01)


def test_five_groups_agree_with_their_average_where_a_paper_gives_both():
    for row in published_rows("syndeeplesion-640"):
        if row.groups:
            assert sum(row.groups) / 5 == pytest.approx(row.psnr_db, abs=0.02), row
