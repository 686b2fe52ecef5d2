"""Gradio's components as the page uses them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from brushwork.studio.ui import components as parts
from brushwork.studio.ui.gradio_import import gr

ADDRESSES = ("http://studio/before.jpg", "http://studio/after.jpg")


def answers(make: Callable[[], Any], *values: Any) -> list[Any]:
    """What the browser is sent when a function gives these values for a part, one after another."""
    from gradio.state_holder import SessionState

    async def sent() -> list[Any]:
        with gr.Blocks() as page:
            part = make()
            gr.Button().click(lambda: None, None, part)
        state, function = SessionState(page), next(iter(page.fns.values()))
        return [(await page.postprocess_data(function, value, state))[0] for value in values]

    return asyncio.run(sent())


@pytest.mark.parametrize("update", [gr.skip(), gr.update(visible=True)])
def test_a_comparison_takes_addresses_after_it_was_updated(update: dict[str, Any]) -> None:
    _, value = answers(parts.comparison, update, ADDRESSES)
    assert [picture["url"] for picture in value] == list(ADDRESSES)


def test_an_editor_takes_an_address_after_it_was_updated() -> None:
    _, value = answers(parts.editor, gr.skip(), ADDRESSES[0])
    assert value["background"]["url"] == ADDRESSES[0]


@pytest.mark.parametrize("make", [parts.photo, parts.film, parts.comparison, parts.editor])
def test_a_part_is_drawn_as_the_component_that_it_is(make: Any) -> None:
    part = make(render=False)
    assert part.get_block_name() == type(part).__base__.__name__.lower()


def test_words_of_a_status_are_no_html() -> None:
    assert parts.status_line("<b>") == '<p role="status">&lt;b&gt;</p>'
    assert parts.status_line("") == ""
