"""What people look at: pictures, curves, the live display."""
