from marview.metrics import size_groups

FILE_ORDER = [254, 890, 451, 53, 112, 35, 881, 2061, 118, 124]


def test_the_public_masks_fall_into_the_papers_pairs():
    assert size_groups(FILE_ORDER) == [[1, 7], [2, 6], [0, 9], [4, 8], [3, 5]]


def test_the_pairs_stay_for_many_slices_and_where_a_case_is_missing():
    sizes = (FILE_ORDER * 3)[:-1]
    pairs = [{sizes[k] for k in group} for group in size_groups(sizes)]
    assert pairs == [{890, 2061}, {451, 881}, {254, 124}, {112, 118}, {53, 35}]


def test_few_sizes_make_few_groups():
    assert size_groups([5, 9]) == [[1], [0]]
    assert size_groups([]) == []


def test_shapes_of_equal_size_are_distinguished():
    papers = [2054, 879, 878, 448, 242, 115, 115, 111, 53, 32]
    assert size_groups(papers * 2, list(range(10)) * 2) == [
        [0, 1, 10, 11],
        [2, 3, 12, 13],
        [4, 6, 14, 16],
        [5, 7, 15, 17],
        [8, 9, 18, 19],
    ]
