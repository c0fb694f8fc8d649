"""What all screens share: the head, the foot, panes that take the focus in turn, and words about what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.screen import Screen

from tuinet.render.paper import Paper
from tuinet.tui.keys import keys_of
from tuinet.tui.widgets.bars import Foot, Head

if TYPE_CHECKING:
    from tuinet.tui.app import TuinetApp

LEAST = (60, 20)
"""Columns and rows below which a screen only says that it needs more."""


class Room(Screen[None]):
    """A screen with a head and a foot. `PLACE` names its keys; `body` is what lies between."""

    PLACE: ClassVar[str]
    WORDS: ClassVar[str] = ""
    """What the screen is for, for the help."""

    DEFAULT_CSS = """
    Room > Cramped { display: none; }
    Room.cramped > * { display: none; }
    Room.cramped > Cramped { display: block; }
    """

    AUTO_FOCUS = None
    BINDINGS = [  # Textual's screens have these keys, too: those of the app would not be asked
        Binding("tab", "next_pane", show=False),
        Binding("shift+tab", "pane_before", show=False),
    ]

    @property
    def tui(self) -> TuinetApp:
        return self.app  # pyright: ignore[reportReturnType]

    def compose(self) -> ComposeResult:
        yield Head()
        yield from self.body()
        yield Foot()
        yield Cramped()

    def body(self) -> ComposeResult:
        raise NotImplementedError

    # ── what it says of itself ────────────────────────────────────────────────────────────────────────────────────

    @property
    def subject(self) -> str:
        """What is looked at, for the head."""
        return ""

    def words(self) -> dict[str, str]:
        """Words of the foot that are others now, by the key's id."""
        return {}

    def works(self, action: str) -> bool:
        """Whether an action does something now."""
        return True

    def about_cursor(self) -> str:
        """What lies under the cursor, in words, for the help."""
        return ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.works(action)

    def refresh_bars(self) -> None:
        """Draw the head and the foot again, if they say something else now."""
        if not self.is_mounted:
            return
        tabs = [(key, title, name == self.PLACE, f"app.go('{name}')") for name, key, title in self.tui.tabs()]
        self.query_one(Head).tell(tabs, self.subject)
        words = self.words()
        keys = [
            (self.tui.shown_key(key), words.get(key.id, key.word), f"screen.{key.action}")
            for key in keys_of(self.PLACE)
            if words.get(key.id, key.word) and self.works(key.action.partition("(")[0])
        ]
        self.query_one(Foot).tell([*keys, ("q", "quit", "app.leave")])

    def paper(self, width: int, height: int | None = None) -> Paper:
        """What a pane of this size is drawn on."""
        return self.tui.paper(width, height)

    # ── being shown ───────────────────────────────────────────────────────────────────────────────────────────────

    def on_resize(self, event: events.Resize) -> None:
        width, height = event.size.width, event.size.height
        self.set_class(width < LEAST[0] or height < LEAST[1], "cramped")
        self.set_class(width >= 110, "wide")
        self.set_class(width >= 180, "huge")
        self.call_after_refresh(self.redraw)

    def on_screen_resume(self) -> None:
        self.call_after_refresh(self.redraw)

    def redraw(self) -> None:
        """Draw everything again for the size that there is now."""
        self.refresh_bars()

    # ── panes ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_next_pane(self) -> None:
        self.focus_next()
        self.redraw()

    def action_pane_before(self) -> None:
        self.focus_previous()
        self.redraw()


from textual.strip import Strip  # noqa: E402
from textual.widget import Widget  # noqa: E402


class Cramped(Widget):
    """What is seen where there is no room for more."""

    DEFAULT_CSS = "Cramped { height: 1fr; }"

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        columns, rows = self.app.size
        text = f"tuinet needs {LEAST[0]} columns and {LEAST[1]} rows; here are {columns} and {rows}"
        part = text[y * width : (y + 1) * width] if width else ""
        return Strip([Segment(part.ljust(width), self.rich_style)])
