"""What a new spec needs to be told, and whether it can be as it was told.

No answer is judged by rules of its own: the spec is written as it would be, with stand-ins for what
is not answered yet, and the spec's own validation has its say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from plinth import registry
from plinth.blueprint import resolve_all
from plinth.clouds import CloudInfo
from plinth.errors import Problem, SpecError, unknown
from plinth.spec.document import PLACEHOLDER, parse
from plinth.spec.models import CAPABILITIES

#: The environments of a new spec, and whether they are durable.
ENVIRONMENTS = {"dev": False, "prod": True}
SPEC = "stacks/platform.yaml"

_FALLBACK_NAME = "ml-platform"


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What was answered. ``None`` is not yet; empty text leaves the thing out of the spec.

    Attributes:
        name: The platform's name.
        owner: E-mail of the team that answers for it.
        cost_center: Who pays.
        budget: What an environment may cost a month.
        cloud: Where it runs.
        region: Where there.
        places: Account, subscription, project or cluster, by environment.
        domain: Parent of host names.
        capabilities: Those that are on.
        mail: Host of the mail server, on clouds that send no mail by themselves.
    """

    name: str | None = None
    owner: str | None = None
    cost_center: str | None = None
    budget: str | None = None
    cloud: str | None = None
    region: str | None = None
    places: Mapping[str, str] = field(default_factory=dict)
    domain: str | None = None
    capabilities: Collection[str] | None = None
    mail: str | None = None

    @property
    def info(self) -> CloudInfo:
        """The cloud.

        Raises:
            UsageError: There is no such cloud.
        """
        return registry.known_cloud(registry.cloud_names()[0] if self.cloud is None else self.cloud)

    def answered(self, question: Question) -> bool:
        """Whether there is an answer."""
        if question.environment:
            return question.environment in self.places
        return getattr(self, question.key) is not None

    def answer(self, question: Question, text: str) -> Answers:
        """With one answer more."""
        if question.environment:
            return replace(self, places={**self.places, question.environment: text})
        if question.key == "capabilities":
            words = text.replace(",", " ").split()
            return replace(self, capabilities=CAPABILITIES if words == ["all"] else tuple(words))
        values: dict[str, Any] = {question.key: text}
        return replace(self, **values)

    def completed(self, base: Answers) -> Answers:
        """With the answers of another one where there are none."""
        missing = {each.name for each in fields(self) if getattr(self, each.name) is None}
        values = {name: getattr(base, name) for name in missing}
        return replace(self, **values, places={**base.places, **self.places})


@dataclass(frozen=True, kw_only=True)
class Question:
    """One thing to ask.

    Attributes:
        key: The field of :class:`Answers`.
        flag: The option that answers it.
        text: What is asked.
        default: What Enter means, and ``blank``: what it means without, where that is allowed.
        path: Where in the spec the answer stands.
        environment: The environment that it is asked for, if for one.
        choices: All answers, when they can be listed.
    """

    key: str
    flag: str
    text: str
    path: str
    default: str = ""
    blank: str = ""
    environment: str = ""
    choices: tuple[str, ...] = ()


def questions(answers: Answers, folder: Path) -> Iterator[Question]:
    """What is to be asked. Later questions depend on the cloud: take one, answer, ask again."""
    yield Question(
        key="name", flag="--name", text="Platform name", path="name", default=name_for(folder)
    )
    yield Question(
        key="owner", flag="--owner", text="E-mail of the team that owns it", path="owner"
    )
    yield Question(
        key="cost_center",
        flag="--cost-center",
        text="Cost centre, which everything is tagged with",
        path="cost.center",
    )
    yield Question(
        key="budget",
        flag="--budget",
        text="Monthly budget of an environment",
        path="cost.monthly_budget",
        default="1000",
    )
    yield Question(
        key="cloud", flag="--cloud", text="Cloud", path="cloud", choices=registry.cloud_names()
    )
    yield from _of_cloud(answers)
    yield Question(
        key="domain",
        flag="--domain",
        text="Domain for people, such as ml.example.com",
        path="domain.name",
        blank="none",
    )
    yield Question(
        key="capabilities",
        flag="--capabilities",
        text=f"Capabilities: all, or some of {', '.join(CAPABILITIES)}",
        path="capabilities",
        default="all",
    )
    if _mails(answers):
        yield Question(
            key="mail",
            flag="--mail",
            text="Mail server that alerts leave by, such as mail.example.com",
            path=f"clouds.{answers.info.name}.mail.host",
        )


def _of_cloud(answers: Answers) -> Iterator[Question]:
    info = answers.info
    if info.regions:
        yield Question(
            key="region",
            flag="--region",
            text="Region",
            path="region",
            default=info.terms.region,
        )
    for environment in ENVIRONMENTS if info.terms.place else ():
        yield Question(
            key="places",
            flag=f"--account {environment}=",
            text=f"{info.terms.place} of {environment}",
            blank="not known yet",
            path=f"environments.{environment}.{'.'.join(info.terms.at)}",
            environment=environment,
        )


def _mails(answers: Answers) -> bool:
    """Whether the cloud leaves mail to a server of one's own, and there is something to be told."""
    chosen = CAPABILITIES if answers.capabilities is None else answers.capabilities
    return "mail" in answers.info.options.model_fields and "monitoring" in chosen


def name_for(folder: Path) -> str:
    """A platform's name from a folder's."""
    words = re.sub(r"[^a-z0-9]+", "-", folder.absolute().name.lower())
    name = words.lstrip("-0123456789")[:20].strip("-")
    return name if len(name) > 1 else _FALLBACK_NAME


def stand_ins(answers: Answers) -> Answers:
    """Answers that nothing is wrong with, to judge others among."""
    terms = answers.info.terms
    return Answers(
        name=_FALLBACK_NAME,
        owner="ml-platform@example.com",
        cost_center="none",
        budget="1000",
        cloud=answers.info.name,
        region=terms.region,
        places=dict.fromkeys(ENVIRONMENTS, terms.example),
        domain="",
        capabilities=CAPABILITIES,
        mail="mail.example.com",
    )


def to_be_filled_in(cloud: str) -> Answers:
    """Answers that leave to the reader of the spec what only a person can say.

    The name is what ``pulumi new`` puts in.
    """
    asked = Answers(cloud=cloud)
    found = replace(stand_ins(asked), name="${PROJECT}")
    for question in questions(asked, Path()):
        if question.environment:
            # A cluster is often called like its environment; an account can be said later.
            text = question.environment if required(asked, question) else ""
            found = found.answer(question, text)
        elif not question.default and not question.choices and required(asked, question):
            found = found.answer(question, PLACEHOLDER)
    return found


def required(answers: Answers, question: Question) -> bool:
    """Whether the spec cannot do without the answer."""
    return bool(question.choices) or bool(check(answers.answer(question, "")))


def check(answers: Answers) -> tuple[Problem, ...]:
    """What the validation says of the spec with these answers, and stand-ins for the rest."""
    from plinth.scaffold.files import spec_text

    chosen = answers.capabilities or ()
    if strange := [name for name in chosen if name not in CAPABILITIES]:
        fix = "Say all, or some of them."
        told = (unknown("capability", each, CAPABILITIES, path="capabilities") for each in strange)
        return tuple(replace(problem, fix=fix) for problem in told)
    text = spec_text(answers.completed(stand_ins(answers)))
    document, found = parse(text.encode(), SPEC)
    if document is None or found:
        return found
    try:
        resolve_all(document)
    except SpecError as error:
        return error.problems
    return ()
