"""The method contract, and steps that several methods share."""
