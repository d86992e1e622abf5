"""The commands of marview, one module each, and what they share."""
