"""Trained models for others: what is sent to the Hugging Face Hub, and what it says of itself."""
