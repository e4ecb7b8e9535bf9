"""The sweeps of an operator's day: whose worker is killed, cancelled, undone, and of the cutoff."""

from .day import APPROVE_ALL, CODES, CSV, DECLINED, LEFT, Day, Return, counted
from .hands import button, said

# Seconds in which the processes start again before the cutoff; if they do not, the worker makes up for it.
SOON = 12


def approve_while_the_worker_dies(day: Day, morning: list[Return]) -> None:
    """A double click starts one sweep. Its page, which nobody touches, shows the end although the worker was killed."""
    day.deployed.stop_worker_after(chunks=2)
    day.go(APPROVE_ALL)
    button(day.page, f"Approve {len(morning)} ").dblclick()
    day.page.locator("#progress[value='33']").wait_for()
    moves: list[str] = []
    day.page.on("framenavigated", lambda frame: moves.append(frame.url))
    day.deployed.replace_worker()
    day.swept()
    assert not moves or not day.hands.javascript  # without it, the page reloads itself


def cancel_in_the_middle(day: Day, afternoon: list[Return]) -> tuple[list[Return], list[Return]]:
    """The worker hangs after a chunk. A press in a second tab changes nothing; a cancelled sweep keeps its chunk.

    Return what the sweep approved, and what it left.
    """
    day.deployed.stop_worker_after(chunks=1)
    day.go(APPROVE_ALL)
    other = day.tab(APPROVE_ALL)
    day.press(f"Approve {len(afternoon)} ")
    other.press(f"Approve {len(afternoon)} ")
    assert said(other.page).startswith("Nothing was changed: the requests have changed since the page was made")
    other.page.close()
    day.page.locator("#progress[value='25']").wait_for()
    day.give_reason("Cancel the sweep")
    message = said(day.page)
    day.page.locator("td:text-is('cancelled')").wait_for()
    left = [line["order_line"] for line in day.download(CSV) if line["outcome"] == CODES[LEFT]]
    others = [one for one in afternoon if one.order_line in left]
    assert f"The sweep is cancelled. Left pending: {counted(others)}." in message
    day.deployed.replace_worker(hold=900)
    return [one for one in afternoon if one not in others], others


def undo_within_the_hold(day: Day, others: list[Return]) -> None:
    """What the third sweep approved is pending again."""
    day.go(APPROVE_ALL)
    day.press(f"Approve {len(others)} ")
    day.swept()
    day.give_reason("Undo the sweep")
    assert "The undo has begun" in said(day.page)
    day.page.locator("tr", has_text=f"Undone: {counted(others)} returned to requested").wait_for()


def let_the_cutoff_pass(day: Day, late: list[Return]) -> None:
    """It declines the rest. A page from before it approves nothing any more, and leads to the sweep that declined."""
    other = day.tab(APPROVE_ALL)
    day.deployed.near_the_cutoff(seconds=SOON)
    day.go("refunds/")
    day.until(day.page.get_by_role("link", name="Decline sweep 4"))
    other.press(f"Approve {len(late)} ")
    assert said(other.page).startswith("Nothing was changed: the cutoff of ")
    assert "What was pending then is declined by the decline sweep 4." in said(other.page)
    assert "No pending return request can be approved." in other.text()
    other.hands.press(other.page, other.page.get_by_role("link", name="decline sweep 4").first)
    other.swept()
    other.until(other.sums(DECLINED, late))
    other.page.close()
