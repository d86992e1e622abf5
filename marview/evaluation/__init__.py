"""Evaluation with known ground truth: read, write and simulate cases, and compare methods on them in tables."""
