"""Amounts: whole minor units of an ISO 4217 currency, so that sums are exact in every database."""

from decimal import Decimal
from types import MappingProxyType
from typing import Final

# ISO 4217, list one, as published on 1 January 2026, by the decimals of the minor unit. Left out: codes without one
# (metals such as XAU, XDR, XXX for no currency) and codes of funds (BOV, CHE, CHW, CLF, COU, MXV, USN, UYI), because
# nobody is paid in them. Keep a code that ISO withdraws while the database has rows in it: it says how to read them.
_CODES: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF",
    2: "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP "
    "CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR "
    "IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN "
    "NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP "
    "STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "UYW",
}
EXPONENTS: Final = MappingProxyType({code: exponent for exponent, codes in _CODES.items() for code in codes.split()})


def to_major(minor: int, currency: str) -> Decimal:
    """Return the amount in major units, with the decimals of its currency: 1250 GBP is Decimal('12.50')."""
    # Two for an unknown code: a page must show also a row that other code has stored.
    return Decimal(minor).scaleb(-EXPONENTS.get(currency, 2))
