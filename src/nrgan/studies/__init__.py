"""Studies: grids of settings, models and seeds, trained, measured, and set beside the published figures."""
