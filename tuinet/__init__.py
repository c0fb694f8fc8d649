"""tuinet: build, train, steer and look inside neural networks in a terminal, with nothing but NumPy underneath."""

__version__ = "0.1.0"
