"""Learned methods: simulated training pairs, losses, the training loop, weights and model cards."""
