"""Show the page on which a customer opts out of mails."""

from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from . import opt_outs
from .models import OptOut

TEMPLATE: Final = f"{OptOut._meta.app_label}/opt_out.html"


@csrf_exempt  # mail programs post here without loading the page first (RFC 8058): the signed token is the proof
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def opt_out(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for confirmation by GET, and opt out by POST.

    GET changes nothing, because virus scanners follow every link. POST does not redirect, because mail programs do not
    follow redirects. A forged token gets 404.
    """
    try:
        address = opt_outs.address_of(token)
    except opt_outs.Forged:
        return _page(request, HTTPStatus.NOT_FOUND)
    if request.method == "POST":
        opt_outs.opt_out(address, timezone.now())
    return _page(request, address=address, done=opt_outs.has_opted_out(address))


def _page(request: HttpRequest, status: int = HTTPStatus.OK, **context: object) -> HttpResponse:
    response = render(request, TEMPLATE, context, status=status)
    # Anyone with the URL of this page can use it: keep it out of other sites' logs and of search engines.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
