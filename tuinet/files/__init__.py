"""Model files: safetensors in, safetensors out. Nothing in a file is trusted, nothing in it is ever executed."""
