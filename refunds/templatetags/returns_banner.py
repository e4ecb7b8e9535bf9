"""Show on each page of the app what rooms say to every user at once, such as how long it is until the cutoff."""

from django import template
from django.utils import timezone

from .. import signals

register = template.Library()


@register.simple_tag(takes_context=True)
def banner(context: template.Context) -> list[tuple[str, str, str]]:
    """Return level, text and URL of each line."""
    request = context["request"]
    answers = signals.answers(signals.banner_requested, user=request.user, now=timezone.now())
    return [line for answer in answers for line in answer]
