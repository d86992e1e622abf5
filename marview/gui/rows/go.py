"""Actions for going to another slice or series."""

from marview.gui.actions import Row

ROWS: tuple[Row, ...] = (
    Row(
        "cine",
        "Play the slices",
        "Go",
        ("Shift+P",),
        needs="series",
        does=lambda c: c.view.update(is_playing=not c.view.display.is_playing),
        is_on=lambda s: s.view.display.is_playing,
    ),
    Row("previous_slice", "Previous slice", "Go", ("Up",), needs="series", does=lambda c: c.view.scroll(-1)),
    Row("next_slice", "Next slice", "Go", ("Down",), needs="series", does=lambda c: c.view.scroll(1)),
    Row("back_ten", "Ten slices up", "Go", ("Shift+Up",), needs="series", does=lambda c: c.view.scroll(-10)),
    Row("on_ten", "Ten slices down", "Go", ("Shift+Down",), needs="series", does=lambda c: c.view.scroll(10)),
    Row("first_slice", "First slice", "Go", ("Home",), needs="series", does=lambda c: c.view.go_to_number(1)),
    Row(
        "last_slice",
        "Last slice",
        "Go",
        ("End",),
        needs="series",
        does=lambda c: c.view.go_to_number(c.view.display.slice_count),
    ),
    Row(
        "previous_metal", "Previous slice with metal", "Go", ("Ctrl+Up",), needs="metal", does=lambda c: c.to_metal(-1)
    ),
    Row("next_metal", "Next slice with metal", "Go", ("Ctrl+Down",), needs="metal", does=lambda c: c.to_metal(1)),
    Row(
        "previous_series",
        "Previous series",
        "Go",
        ("PgUp",),
        needs="series",
        does=lambda c: c.session.library.choose_neighbour(-1),
    ),
    Row(
        "next_series",
        "Next series",
        "Go",
        ("PgDown",),
        needs="series",
        does=lambda c: c.session.library.choose_neighbour(1),
    ),
)
