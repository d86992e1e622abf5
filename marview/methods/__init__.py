"""What a method is written against: its contract, and the steps that several methods share."""
