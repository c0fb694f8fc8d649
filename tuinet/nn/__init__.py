"""The mathematics of neural networks: NumPy and msgspec only; no files, no printing, no globals."""
