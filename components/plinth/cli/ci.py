"""``ci``: the pipelines' files, and the commands that they call."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from plinth.cli import output
from plinth.cli.common import environment_argument, json_option, spec_option
from plinth.cli.usage import Choice, Group

if TYPE_CHECKING:
    from plinth.ci.credentials import Identity
    from plinth.ci.files import File


@click.group(cls=Group)
def ci() -> None:
    """Write pipelines for a platform or a model, and do what they call."""


_output_option = click.option(
    "--output",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The repository to write to.  [default: the spec's]",
)
_check_option = click.option(
    "--check", is_flag=True, help="Write nothing; exit with 4 when files are stale."
)


def _write(found: tuple[File, ...], *, check: bool, as_json: bool) -> int:
    """Writes files, or only looks; says how each was found."""
    from plinth.ci.files import write

    states = {os.path.relpath(file.path): file.state for file in found}
    if not check:
        write(found)
    if as_json:
        output.emit({"files": [{"path": path, "state": each} for path, each in states.items()]})
    else:
        for path, state in states.items():
            click.echo(f"{state:8} {path}")
    return 4 if check and set(states.values()) != {"same"} else 0


def _writer(platform: str, title: str) -> click.Command:
    @ci.command(platform, short_help=f"Write the pipelines for {title}.")
    @spec_option
    @_output_option
    @click.option("--branch", default="main", show_default=True, help="What is deployed from.")
    @click.option("--models", is_flag=True, help="For a model's repository, not the platform's.")
    @_check_option
    @json_option
    def command(
        spec: Path,
        *,
        folder: Path | None,
        branch: str,
        models: bool,
        check: bool,
        as_json: bool,
    ) -> int:
        from plinth.ci.files import files

        return _write(
            files(platform, spec, folder=folder, branch=branch, models=models),
            check=check,
            as_json=as_json,
        )

    command.help = (
        f"Write the pipelines for {title}, filled from the spec.\n\n"
        "Files that Plinth has written are written anew; others are never touched."
    )
    return command


github = _writer("github", "GitHub Actions")
gitlab = _writer("gitlab", "GitLab CI")
azure_devops = _writer("azure-devops", "Azure Pipelines")


@ci.command(short_help="Write the pipelines that watch and retrain models.")
@spec_option
@_output_option
@_check_option
@json_option
def airflow(spec: Path, *, folder: Path | None, check: bool, as_json: bool) -> int:
    """Write what Airflow runs for the models that name a pipeline in `retrain`.

    For each, one that looks for drift every hour, and one that trains, judges and promotes.
    Files that Plinth has written are written anew; others are never touched.
    """
    from plinth.ci.files import airflow_files

    return _write(airflow_files(spec, folder=folder), check=check, as_json=as_json)


@ci.command("pulumi-operator", short_help="Write Stacks for the Pulumi Kubernetes Operator.")
@spec_option
@click.option("--repository", required=True, metavar="URL", help="Git repository of the spec.")
@click.option("--directory", default="", metavar="DIR", help="Where Pulumi.yaml is in it.")
@click.option("--branch", default="main", show_default=True, help="The branch to follow.")
@click.option("--namespace", default="plinth", show_default=True, help="Where the objects go.")
@click.option("--image", metavar="IMAGE", help="What runs the program.")
@click.option("--output", "target", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE")
@json_option
def pulumi_operator(
    spec: Path,
    *,
    repository: str,
    directory: str,
    branch: str,
    namespace: str,
    image: str | None,
    target: Path | None,
    as_json: bool,
) -> None:
    """Write one Stack per environment for the Pulumi Kubernetes Operator, version 2.

    The order of the environments becomes prerequisites.
    """
    from plinth.ci.operator import IMAGE, manifests, written

    objects = manifests(
        spec,
        repository=repository,
        folder=directory,
        branch=branch,
        namespace=namespace,
        image=image or IMAGE,
    )
    if target is not None:
        output.to_file(target, written(objects))
    if as_json:
        output.emit({"objects": objects})
    elif target is None:
        click.echo(written(objects), nl=False)


@ci.command(short_help="List the environments that a change touches.")
@spec_option
@click.option("--base", metavar="REV", help="What to compare with.  [default: all environments]")
@click.option(
    "--format",
    "form",
    type=Choice(["names", "github", "gitlab", "azure-devops"]),
    default="names",
    show_default=True,
    help="How they are told; a platform's is its own for a matrix of jobs.",
)
@json_option
def matrix(spec: Path, *, base: str | None, form: str, as_json: bool) -> None:
    """List the environments whose plan may differ between REV and the working tree."""
    from plinth.ci.matrix import FORMATS, touched
    from plinth.ci.targets import matrix_entry, targets_of

    targets = targets_of(spec)
    found = [targets[name] for name in touched(spec, base) if name in targets]
    if as_json:
        output.emit({"base": base, "environments": [matrix_entry(target) for target in found]})
    else:
        click.echo(FORMATS[form](found))


_reviews_argument = click.argument(
    "reviews", nargs=-1, required=True, metavar="REVIEW...", type=click.Path(path_type=Path)
)
_expect_option = click.option(
    "--expect", default="", metavar="NAMES", help="Environments that should have a review."
)
_log_option = click.option("--log", metavar="URL", help="Where the whole log is.")
_post_option = click.option("--post", is_flag=True, help="Post it instead of printing it.")


@ci.command(short_help="Write the comment of a pull request.")
@_reviews_argument
@spec_option
@_expect_option
@_log_option
@_post_option
@click.option("--untrusted", is_flag=True, help="The reviews come from a fork; approve nothing.")
@click.option(
    "--append-log",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Print a log behind it, folded.",
)
@json_option
def comment(
    reviews: tuple[Path, ...],
    spec: Path,
    *,
    expect: str,
    log: str | None,
    post: bool,
    untrusted: bool,
    append_log: Path | None,
    as_json: bool,
) -> None:
    """Write the one comment of a pull request from reviews, which `plinth preview` writes.

    REVIEW is a file, or a folder of them. With --post the comment is written anew in place.
    """
    from plinth.ci import notes
    from plinth.ci.hosts import host as find_host

    host = find_host() if post else None
    found, platform = notes.read(reviews), _platform(spec)
    text = notes.comment(
        found,
        platform=platform,
        expected=expect.split(),
        log=log or (host.log if host else None),
        trusted=not untrusted,
    )
    address = None
    if host is not None:
        nothing = not found and not expect.split()
        address = notes.post_comment(host, text, platform=platform, quiet=nothing)
    if as_json:
        output.emit({"body": text, "posted": address})
    elif host is None:
        click.echo(_logged(text, append_log), nl=False)
    else:
        click.echo(f"Commented: {address}" if address else "Nothing to say.")


@ci.command(short_help="Open, update or close the drift issue.")
@_reviews_argument
@spec_option
@_expect_option
@_log_option
@_post_option
@json_option
def issue(
    reviews: tuple[Path, ...],
    spec: Path,
    *,
    expect: str,
    log: str | None,
    post: bool,
    as_json: bool,
) -> None:
    """Keep the one issue that tells what was changed outside of Plinth.

    REVIEW is a file, or a folder of them, of `plinth preview ENV --refresh --format json`.
    """
    from plinth.ci import notes
    from plinth.ci.hosts import host as find_host

    host = find_host() if post else None
    platform = _platform(spec)
    where = log or (host.log if host else None)
    text = notes.issue(notes.read(reviews), platform=platform, expected=expect.split(), log=where)
    done, address = notes.post_issue(host, text, platform=platform) if host else ("nothing", None)
    if as_json:
        output.emit({"body": text, "done": done, "posted": address})
    elif host is None:
        click.echo(text or "No drift.\n", nl=False)
    else:
        click.echo(f"Issue {done}: {address}" if address else "No drift, no issue.")


@ci.command(short_help="Print what was approved, for `up --approved`.")
@environment_argument
@spec_option
@click.option(
    "--pull-request",
    envvar="PLINTH_PULL_REQUEST",
    metavar="N",
    help="The pull request.  [default: the one that brought the commit]",
)
@json_option
def approved(environment: str, spec: Path, *, pull_request: str | None, as_json: bool) -> None:
    """Print the plan of ENV that a pull request approved, for `plinth up --approved`.

    That is its digest, and a mark for each change, by which its rest is known again. It is read
    from the comment that the pipeline itself wrote, and from no other.
    """
    from plinth.ci import notes
    from plinth.ci.hosts import host

    found = notes.approved(host(), environment, platform=_platform(spec), pull_request=pull_request)
    if as_json:
        output.emit({"environment": environment, "approved": found})
    else:
        click.echo(found)


@ci.command(short_help="Tell cloud SDKs about the job's identity token.")
@environment_argument
@spec_option
@click.option("--identity", type=Choice(["preview", "deploy"]), required=True, help="Whom to be.")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".plinth/credentials"),
    metavar="DIR",
    help="Where the token's file goes.  [default: .plinth/credentials]",
)
@json_option
def credentials(
    environment: str, spec: Path, *, identity: Identity, directory: Path, as_json: bool
) -> None:
    """Print what a job of GitLab CI or Azure Pipelines exports to be ENV's identity.

    Reads the token from PLINTH_ID_TOKEN. Use it as:
    variables="$(plinth ci credentials dev --identity preview)"; eval "$variables"
    """
    from plinth.ci.credentials import credentials as found
    from plinth.ci.targets import target_of
    from plinth.program import blueprint_of

    target = target_of(blueprint_of(spec, environment))
    variables = found(target, identity, directory.absolute())
    if as_json:
        output.emit({"variables": variables})
        return
    for name, value in variables.items():
        click.echo(f"export {name}={shlex.quote(value)}")


def _platform(spec: Path) -> str:
    from plinth.spec.document import load

    return str(load(spec).data.get("name"))


def _logged(text: str, log: Path | None) -> str:
    if log is None:
        return text
    from plinth.ci.notes import with_log

    # A preview that never began has left none.
    return with_log(text, log.read_text("utf-8", "replace") if log.is_file() else "")
