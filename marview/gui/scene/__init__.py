"""The 3D scene: a process that draws it with VTK, and the view that shows its pictures."""
