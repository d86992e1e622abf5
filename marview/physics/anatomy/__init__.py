"""Phantoms of the pelvis, the lumbar spine and the jaws, built from solids with added texture."""
