"""Clean images from noisy ones, where no clean one was ever seen."""
