"""The page by which a customer opts out of mails."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from . import opt_outs


@csrf_exempt  # mail programs post here too, without a page before it (RFC 8058): the signed token is the proof
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def opt_out(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, and changes nothing: programs that look for viruses follow every link. POST opts out, and does not
    redirect, which mail programs do not follow. A token that is not ours is 404.
    """
    try:
        address = opt_outs.address_of(token)
    except opt_outs.Forged:
        return _page(request, HTTPStatus.NOT_FOUND)
    if request.method == "POST":
        opt_outs.opt_out(address, timezone.now())
    return _page(request, address=address, done=opt_outs.has_opted_out(address))


def _page(request: HttpRequest, status: int = HTTPStatus.OK, **context: object) -> HttpResponse:
    response = render(request, "refunds/opt_out.html", context, status=status)
    # Whoever has the address of this page can use it: it goes into no other site's log and into no search engine.
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response
