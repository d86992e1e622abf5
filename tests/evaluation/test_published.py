import pytest

from marview.evaluation import boards
from marview.evaluation.published import published_rows
from marview.evaluation.published_row import FAMILIES
from marview.evaluation.tables import published_table
from marview.physics.protocols import protocol_names

EVERY = [*(row for name in protocol_names() for row in published_rows(name)), *boards.LGA]


def test_every_row_is_of_a_known_family_and_says_where_it_is_printed():
    assert {row.family for row in published_rows("syndeeplesion-640")} == {"A", "B", "C", "sample", "DSC", "alone"}
    assert {row.family for row in EVERY} == set(FAMILIES)
    assert all(row.source for row in EVERY)
    measured = ("psnr_db", "ssim", "rmse_hu", "mean_absolute_error", "score")
    assert all(any(getattr(row, name) is not None for name in measured) for row in EVERY)


def test_a_board_belongs_to_the_protocol_it_was_made_with():
    assert {row.family for row in published_rows("dudonet-320")} == {"DuDoNet"}
    assert {row.family for row in published_rows("aapm-1000")} == {"AAPM", "CatSim"}
    assert published_rows("dudonet-640") == ()


def test_families_are_never_in_one_table():
    for name in protocol_names():
        rows = published_rows(name)
        tables = published_table(rows).split("Published, family ")[1:]
        assert len(tables) == len({row.family for row in rows})
        for table in tables:
            family = table.partition(":")[0]
            inside = {
                line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ") and "---" not in line
            }
            wanted = {
                row.method + ("" if row.is_confirmed else " (unconfirmed)") for row in rows if row.family == family
            }
            assert inside == {"method", *wanted}


def test_the_average_of_mamba_is_the_papers():
    [mamba] = [row for row in published_rows("syndeeplesion-640") if row.method == "MARMamba"]
    assert mamba.psnr_db == pytest.approx(49.54, abs=0.01)


def test_five_groups_agree_with_their_average_where_a_paper_gives_both():
    for row in EVERY:
        if row.groups:
            assert sum(row.groups) / 5 == pytest.approx(row.psnr_db, abs=0.02), row


def test_unconfirmed_rows_are_marked_in_the_table():
    lines = published_table([row for row in published_rows("syndeeplesion-640") if row.family == "A"]).splitlines()
    rows = [line for line in lines if line.startswith("| ") and "---" not in line][1:]
    assert all("(unconfirmed)" in line for line in rows if not line.startswith("| ACDNet"))
    [li] = [line for line in rows if line.startswith("| LI ")]
    assert "27.21 28.31 29.86 30.40 30.57 (unconfirmed)" in li
