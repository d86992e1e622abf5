"""The contract of methods, and steps that several methods share."""
