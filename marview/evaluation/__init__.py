"""Evaluation with known truth: read, write and simulate cases, and compare methods on them in tables."""
