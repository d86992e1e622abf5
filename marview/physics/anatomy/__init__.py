"""Phantoms of the pelvis, the lumbar spine and the jaws, made of solids and texture."""
