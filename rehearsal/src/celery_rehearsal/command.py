"""`celery rehearsal`, an entry of Celery's own command line."""

from __future__ import annotations

import click

# Any `celery` command of a project imports this module: what the kit holds on to is imported by those who ask for it.


@click.group()
def rehearsal() -> None:
    """Tests of this app in virtual time."""


@rehearsal.command()
@click.pass_context
def seams(ctx: click.Context) -> None:
    """Tell which internals of Celery are where the kit expects them. Exit with 1 where a cluster would not start."""
    from importlib.metadata import version

    from . import extras
    from .seam_list import SEAMS
    from .seams import SUPPORTED, moved_seams, unsupported

    refused = unsupported()
    for package, allowed in SUPPORTED.items():
        verdict = "is not supported" if package in refused else "is supported"
        click.echo(f"{package} {version(package)} {verdict} ({allowed})")
    for extra in extras.EXTRAS:
        lacks = ", ".join(extras.missing(extra))
        click.echo(f"extra {extra}: {f'not installed ({lacks})' if lacks else 'installed'}")
    moved = moved_seams()
    for seam in SEAMS:
        click.echo(f"{'moved' if seam in moved else 'holds'}  {seam.name} ({seam.use})")
    click.echo(f"{len(moved)} of {len(SEAMS)} seams have moved")
    ctx.exit(1 if moved or refused else 0)
