"""What the decline page is sent back with."""

from typing import Final

from django import forms

# Characters; a paragraph for the customer's record, not a document.
REASON_LENGTH: Final = 500
LARGEST_ID: Final = 2**63 - 1


def is_id(value: str) -> bool:
    """Whether the text is a number that a row's id can be; 0, which none is, stands for no row in particular."""
    return value.isascii() and value.isdigit() and len(value) <= len(str(LARGEST_ID)) and int(value) <= LARGEST_ID


class DeclineForm(forms.Form):
    """Why, and the highest id when the page was made: what came in since was not looked at and is not declined."""

    reason = forms.CharField(
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 80, "autofocus": True}),
        help_text="Kept with each request as its note.",
    )
    up_to_id = forms.IntegerField(min_value=0, max_value=LARGEST_ID, widget=forms.HiddenInput)
