"""The commands of marview, one module each, and the modules that they share."""
