"""Ask for an opt-out's address, and for the sentence to the customers of declined requests."""

from typing import Any

from django import forms
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.utils.functional import lazy
from django.utils.translation import gettext, gettext_lazy

from ..admin.selected import codes
from ..admin.values import masked, secret_in
from . import declines, opt_outs


def _help() -> str:
    """Say when a mail is sent, and what the setting has it say."""
    texts = "; ".join(f"{label}: {text}" for code, label in codes() if (text := declines.text_of(code)))
    if not texts:
        return gettext(
            "Mailed to each customer who has an address and has not opted out. If it is empty, no mail is sent."
        )
    return gettext(
        "Mailed to each customer who has an address and has not opted out. If it is empty, the mail has the text of "
        "the chosen reason; a reason without a text sends no mail. Texts: %(texts)s"
    ) % {"texts": texts}


class SentenceField(forms.CharField):
    """Ask for what the mail about the decline tells the customer."""

    def __init__(self) -> None:
        """Make the field: it is optional."""
        area = forms.Textarea(attrs={"rows": 3, "cols": 80, "maxlength": declines.LONGEST})
        label = gettext_lazy("sentence to the customer")
        super().__init__(required=False, widget=area, label=label, help_text=lazy(_help, str)())

    def clean(self, value: Any) -> str:
        """Return the text with line feeds at the ends of its lines. Raises ValidationError."""
        text: str = super().clean(value).replace("\r\n", "\n").replace("\r", "\n")
        try:
            secret = secret_in(text)
        except ImproperlyConfigured as wrong:
            raise ValidationError(str(wrong)) from wrong
        if secret:
            raise ValidationError(
                gettext("it has a secret in it, which is not shown: %(secret)s"), params={"secret": secret}
            )
        if wrong_with := declines.problem(text):
            raise ValidationError(wrong_with)
        return text

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Override of Django's method that does not show a secret again."""
        return data if data is None or masked(data) == data else ""


class OptOutForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in its type stubs alone
    """Ask for an address, and convert it to lower case, as stored."""

    def clean_address(self) -> str:
        """Return the address in lower case. Raises ValidationError if it has opted out already."""
        address: str = self.cleaned_data["address"].lower()
        if opt_outs.has_opted_out(address):
            raise ValidationError(gettext("%(address)s has opted out already.") % {"address": address})
        return address
