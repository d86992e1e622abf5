"""The panels at the side: metal, method, run, results."""
