"""Model of the patient couch."""

from marview.physics.anatomy.canvas import Canvas, Tissue
from marview.physics.shapes import Block, Column, Common, Without

_SHELL = Tissue(-120, 8, 0)
_FOAM = Tissue(-960, 3, 3)
_BEND_MM = 500.0


def paint_couch(canvas: Canvas, *, top_mm: float = 128.0) -> None:
    """Paint a curved couch, a thin shell filled with foam; in the middle, its upper surface is at y = top_mm."""
    below = Block((0, top_mm + 22, 0), (205, 45, 500))
    middle = (0.0, top_mm - _BEND_MM, 0.0)
    canvas.paint(Common((Column(middle, (_BEND_MM + 20, _BEND_MM + 20), 1000), below)), _FOAM)
    outer, inner = (Column(middle, (_BEND_MM + more, _BEND_MM + more), 1000) for more in (3.0, 0.5))
    canvas.paint(Common((Without(outer, (inner,)), below)), _SHELL)
