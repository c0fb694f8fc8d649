"""What the app stands on beyond its first frame: imported in a thread while Home is seen already.

NumPy, plotext and what needs them take longer to import than all the rest, and would hold up keys on the app's thread.
"""

from __future__ import annotations


def load() -> None:
    """Import it; at once if it was. Two threads may ask: the second waits for the first."""
    import tuinet.render.draw
    import tuinet.render.live_chart
    import tuinet.training.control
    import tuinet.training.snapshots
    import tuinet.training.start
    import tuinet.tui.asking
    import tuinet.tui.screens.build
    import tuinet.tui.screens.inspect
    import tuinet.tui.screens.train  # noqa: F401
    from tuinet.render.chart import load_plotext

    load_plotext()
