"""A local page to look at a generator and a denoiser, and to try them. Only `nrgan.page.serve` knows gradio."""
