"""The state of the application without its window: open series, display and runs. Changes emit psygnal events."""
