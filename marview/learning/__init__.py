"""Learned methods: pairs made on the fly, losses, the training loop, weights and their cards."""
