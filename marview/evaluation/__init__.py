"""Known truth: cases read, written and simulated, and every method's table on them."""
