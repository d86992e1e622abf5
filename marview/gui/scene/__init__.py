"""The 3D scene: a process that renders with VTK, and the view that shows the rendered images."""
