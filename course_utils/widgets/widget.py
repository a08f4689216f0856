"""What all widgets have in common: they print as text, are saved as a picture, and are live."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from course_utils.errors import CourseError
from course_utils.session.place import current_place
from course_utils.widgets import markup, stylesheet

if TYPE_CHECKING:
    from ipywidgets import VBox

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


class Widget:
    """Base of the widgets. ``print(widget)`` gives its text, ``widget.widget`` the ipywidgets box.

    A notebook gets all three forms at once and shows the liveliest that it can: a page that cannot
    run widgets (GitHub, say) shows the picture.
    """

    def __str__(self) -> str:
        raise NotImplementedError

    def picture(self) -> bytes:
        """A PNG of what is shown now."""
        raise NotImplementedError

    def _build(self) -> VBox:
        raise NotImplementedError

    @cached_property
    def widget(self) -> VBox:
        """The box of ipywidgets, made when it is first asked for."""
        return self._build()

    def __repr__(self) -> str:
        return str(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {**self._still(), **self._live()}

    def _ipython_display_(self) -> None:
        """JupyterLab opens a saved notebook with an error where a widget was, picture or not.

        There the forms are displayed one by one, with a stylesheet that hides the picture while the
        widget lives and the error when it is gone. Elsewhere IPython takes the bundle.
        """
        if current_place() != "JupyterLab":
            raise NotImplementedError
        from IPython.display import display

        for data in (self._live(), self._still(), {"text/html": stylesheet.LIVE_OR_STILL}):
            display({"text/plain": "", **data}, raw=True)

    def _still(self) -> dict[str, str]:
        picture = base64.b64encode(self.picture()).decode("ascii")
        return {"text/plain": str(self), "image/png": picture}

    def _live(self) -> dict[str, Any]:
        model_id = self.widget.model_id
        return {WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": model_id}}


def box(*children: Any) -> VBox:
    """The children one below the other, with the stylesheet."""
    from ipywidgets import HTML, Layout, VBox

    base = HTML(stylesheet.STYLE + stylesheet.NAME_SLIDERS, layout=Layout(display="none"))
    whole = VBox([base, *children], layout=Layout(width="100%", overflow="visible"))
    whole.add_class("cu-box")
    return whole


def panel(content: str) -> Any:
    """A place for HTML that is as wide as the page lets it be."""
    from ipywidgets import HTML, Layout

    return HTML(content, layout=Layout(width="auto", margin="0"))


def guarded(action: Callable[[], object], shown_in: Any) -> None:
    """Do what a click asks for; what goes wrong is said in the panel, not raised into the log."""
    try:
        action()
    except CourseError as error:
        shown_in.value = markup.view(markup.problem(str(error)))
    except Exception as error:
        words = f"{type(error).__name__}: {error}. Choose something else, or run the cell again."
        shown_in.value = markup.view(markup.problem(words))
