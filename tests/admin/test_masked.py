"""Secrets in place of ids are masked as the configured gateway says."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from refunds.admin.values import masked, secret_in

from ..operations.payers import Scripted


class KnowsItsSecrets(Scripted):
    """A gateway with API keys."""

    @staticmethod
    def secret_in(text: str) -> str | None:
        return "an API key" if "key_" in text else None


def test_secrets_are_masked_as_the_gateway_says(settings: Settings) -> None:
    """A gateway without secrets masks nothing, and one that cannot be loaded masks everything."""
    settings.REFUNDS_GATEWAY = f"{__name__}.{KnowsItsSecrets.__name__}"
    assert (secret_in("key_1"), secret_in("ch_1")) == ("an API key", None)
    assert (masked("key_1"), masked("ch_1"), masked("")) == ("(a secret, not shown)", "ch_1", "")
    settings.REFUNDS_GATEWAY = "wallet"
    assert (secret_in("key_1"), masked("key_1")) == (None, "key_1")
    settings.REFUNDS_GATEWAY = "bank"
    assert masked("key_1").startswith("(not shown: REFUNDS_GATEWAY is 'bank', which is neither")
    with pytest.raises(ImproperlyConfigured):
        secret_in("key_1")
