"""What the decline page is sent back with."""

from typing import Final

from django import forms

from .base import LARGEST_ID

# Characters; a paragraph for the customer's record, not a document.
REASON_LENGTH: Final = 500


class DeclineForm(forms.Form):
    """Why, and the highest id when the page was made: what came in since was not looked at and is not declined."""

    reason = forms.CharField(
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80, "autofocus": True}),
        help_text="Kept with each request as its note.",
    )
    up_to_id = forms.IntegerField(min_value=0, max_value=LARGEST_ID, widget=forms.HiddenInput)
