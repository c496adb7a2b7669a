"""Tables of settings, models and seeds: trained, measured, written side by side with the published ones."""
