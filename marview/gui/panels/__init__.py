"""The side panels: metal, method, run and results."""
