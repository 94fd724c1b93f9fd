"""Applications in every order of events, compared with a simple model (model-based test)."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)
from sqlalchemy import func, select

from psgflask.accounts import confirmation_tokens, email_confirmation
from psgflask.accounts.confirmation_tokens import TokenRejected
from psgflask.accounts.models import Account, ConfirmationToken
from psgflask.accounts.rate_limits import RateLimitExceeded
from psgflask.mail import outbox
from psgflask.mail.models import DEAD, WAITING, Message
from psgflask.members import applications, audit, consents, erasure, leaving, payments, people
from psgflask.members.applications import AlreadyApplied
from psgflask.members.consents import CHANNELS, ConsentRefused
from psgflask.members.leaving import LeavingRefused
from psgflask.members.models import (
    DIED,
    ONLINE,
    Application,
    AuditEntry,
    MembershipRefused,
    Person,
    PersonDied,
    PersonErased,
)
from psgflask.members.person_fields import fold_name, fold_postcode
from tests.members.people import NOW, SECRET, answers
from tests.news.archives import empty_archive

NAMES = st.sampled_from(["Ana Díaz", "ana diaz", "Luis"])
EMAILS = st.sampled_from(["ana@example.org", " ANA@Example.org", "luis@example.org"])
POSTCODES = st.sampled_from(["LS1 4DY", "ls14dy", "M1 1AA"])
AGREED = st.sets(st.sampled_from(CHANNELS)).map(frozenset)
NETWORKS = st.sampled_from([f"192.0.2.{n}" for n in range(20)])
HOURS = st.sampled_from([1, 30, 71, 24 * 20, 24 * 60])
UNCONFIRMED_RETENTION = timedelta(days=90)


@dataclass
class ModelPerson:
    """The expected state of one application, tracked without reading the tables."""

    number: str
    name: str
    postcode: str
    email: str
    sent: datetime
    agreed: set[str]
    confirmed: bool = False  # the current address
    ever_confirmed: bool = False
    payments: int = 0
    notes: int = 0
    erased: bool = False
    dead: bool = False


@dataclass
class Link:
    """A link that was mailed, for whom, and its expected state."""

    token: str
    of: ModelPerson | None
    email: str
    made: datetime
    used: datetime | None = None
    cancelled: bool = False


@dataclass
class Form:
    """A form that is open in a browser, and can be sent again."""

    key: str
    name: str
    postcode: str
    email: str
    agreed: frozenset[str]
    applications: list[ModelPerson] = field(default_factory=list)


class LifeCycle(RuleBasedStateMachine):
    """Sends forms, follows links, waits, pays, adds notes, corrects and erases."""

    persons = Bundle("persons")
    forms = Bundle("forms")
    links = Bundle("links")

    def __init__(self) -> None:
        super().__init__()
        self.archive = ExitStack()
        self.session = self.archive.enter_context(empty_archive())
        self.now = NOW
        self.known: list[ModelPerson] = []
        self.mailed: list[Link] = []
        self.issued: set[str] = set()
        self.filled_in = 0

    def teardown(self) -> None:
        self.archive.close()

    # What visitors do

    @rule(
        target=forms,
        name=NAMES,
        postcode=POSTCODES,
        email=EMAILS,
        agreed=AGREED,
    )
    def fill_in(self, name: str, postcode: str, email: str, agreed: frozenset[str]) -> Form:
        self.filled_in += 1
        return Form(f"form {self.filled_in}", name, postcode, email, agreed)

    @rule(target=persons, form=forms, network=NETWORKS)
    def send(self, form: Form, network: str) -> object:
        """Send a form: the first time, or again and again."""
        there = [one for one in form.applications if not one.erased]
        submitted = answers(
            name=form.name, postcode=form.postcode, email=form.email, consents=form.agreed
        )
        try:
            application = applications.apply(
                self.session,
                submitted,
                source=ONLINE,
                form=applications.SubmittedForm(form.key),
                by="applicant",
                now=self.now,
            )
            self._ask(application, network)
        except (AlreadyApplied, RateLimitExceeded) as refused:
            taken = getattr(refused, "application", None)
            sent_before = [taken.person.number] if taken else []
            self.session.rollback()
            assert [one.number for one in there] == sent_before
            return multiple()
        assert not there
        assert (application.duplicate is not None) == self._is_known(form)
        new = self._note(application, form)
        form.applications.append(new)
        self._mailed_to(new)
        self.session.commit()
        return new

    @rule(target=persons, form=forms, network=NETWORKS)
    def send_and_confirm(self, form: Form, network: str) -> object:
        """Send a form and follow the link at once, as most people do."""
        sent = self.send(form, network)
        if isinstance(sent, ModelPerson):
            self.follow(self.mailed[-1])
        return sent

    @rule(target=links, email=EMAILS, network=NETWORKS)
    def ask_again(self, email: str, network: str) -> object:
        tokens: list[str] = []

        def link(token: str) -> str:
            tokens.append(token)
            return token

        try:
            email_confirmation.resend(
                self.session,
                email=email,
                language="en",
                network=network,
                secret=SECRET,
                link=link,
                now=self.now,
            )
        except RateLimitExceeded:
            self.session.rollback()
            return multiple()
        self.session.commit()
        address = email.strip().lower()
        alive = [one for one in self.mailed if one.email == address and not one.cancelled]
        newest = next((one for one in reversed(alive) if one.of is not None), None)
        made = Link(tokens[0], newest.of if newest else None, address, self.now)
        if newest is not None:
            self.mailed.append(made)
        return made

    @rule(target=links, which=st.integers(0, 2))
    @precondition(lambda self: self.mailed)
    def open_a_mail(self, which: int) -> Link:
        return self.mailed[-1 - which % len(self.mailed)]

    @rule(link=links)
    def follow(self, link: Link) -> None:
        good = (
            link.of is not None
            and bool(link.token)
            and not link.cancelled
            and link.used is None
            and self.now < link.made + confirmation_tokens.LIFETIME[confirmation_tokens.JOIN]
        )
        try:
            email_confirmation.confirm(self.session, link.token, now=self.now)
        except TokenRejected:
            assert not good
            self.session.rollback()
            return
        assert good
        assert link.of is not None
        link.of.confirmed = link.of.ever_confirmed = True
        for other in self.mailed:
            if other.of is link.of and other.email == link.email and other.used is None:
                other.used = self.now
        self.session.commit()

    # What the secretary does

    @rule(person=persons, pounds=st.integers(1, 3))
    def pay(self, person: ModelPerson, pounds: int) -> None:
        with self._refused_to_the_erased(person):
            payments.confirm(
                self.session,
                self._row(person),
                amount=Decimal(pounds),
                method="cheque",
                received_on=self.now.date(),
                by="ann",
                now=self.now,
                anyway=True,
            )
            person.payments += 1
        self.session.commit()

    @rule(person=persons)
    def add_a_note(self, person: ModelPerson) -> None:
        with self._refused_to_the_erased(person):
            audit.add_note(self.session, self._row(person), "Rang", by="ann", now=self.now)
            person.notes += 1
        self.session.commit()

    @rule(person=persons, what=st.sampled_from(CHANNELS), agreed=st.booleans())
    def change_consent(self, person: ModelPerson, what: str, agreed: bool) -> None:
        with suppress(ConsentRefused, PersonDied), self._refused_to_the_erased(person):
            consents.change(self.session, self._row(person), what, agreed, by="ann", now=self.now)
            assert (what in person.agreed) != agreed
            person.agreed ^= {what}
        self.session.commit()

    @rule(person=persons, email=EMAILS)
    def correct_the_address(self, person: ModelPerson, email: str) -> None:
        address = email.strip().lower()
        with suppress(MembershipRefused), self._refused_to_the_erased(person):
            people.correct(
                self.session, self._row(person), {"email": email}, by="ann", now=self.now
            )
        if not person.erased and address != person.email:
            person.email, person.confirmed = address, False
            self._cancel_links_of(person)
        self.session.commit()

    @rule(person=persons)
    def die(self, person: ModelPerson) -> None:
        with suppress(MembershipRefused), self._refused_to_the_erased(person):
            on = self.now.date()
            leaving.leave(self.session, self._row(person), DIED, on=on, by="ann", now=self.now)
        if not person.erased:
            person.dead = True
            self._cancel_links_of(person)
        self.session.commit()

    @rule(person=persons)
    def reinstate(self, person: ModelPerson) -> None:
        with suppress(LeavingRefused, PersonErased):
            leaving.reinstate(self.session, self._row(person), by="ann", now=self.now)
            assert person.dead
        person.dead = False
        self.session.commit()

    @rule(person=consumes(persons))
    def erase(self, person: ModelPerson) -> None:
        with self._refused_to_the_erased(person):
            erasure.erase(self.session, [self._row(person)], by="ann", now=self.now)
        self._mark_erased(person)
        self.session.commit()

    # What time and the worker do

    @rule(hours=HOURS)
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def deliver(self) -> None:
        for number in outbox.due_ids(self.session, self.now, 100):
            outbox.mark_sent(self.session, number, now=self.now)
        self.session.commit()

    @rule()
    def erase_expired(self) -> None:
        gone = {one.number for one in erasure.erase_expired(self.session, now=self.now)}
        confirmation_tokens.delete_expired(self.session, now=self.now)
        self.session.commit()
        overdue = [
            one
            for one in self.known
            if not (one.erased or one.ever_confirmed or one.payments or one.notes)
            and one.sent <= self.now - UNCONFIRMED_RETENTION
        ]
        assert gone == {one.number for one in overdue}
        for one in overdue:
            self._mark_erased(one)
        for link in self.mailed:
            old = link.made <= self.now - confirmation_tokens.RETENTION
            done = (
                link.used is not None
                and link.used <= self.now - confirmation_tokens.RETENTION_ONCE_USED
            )
            link.cancelled = link.cancelled or old or done

    # What holds at any time

    @invariant()
    def the_tables_match_the_model(self) -> None:
        people = {person.number: person for person in self.session.scalars(select(Person))}
        living = {one.number for one in self.known if not one.erased}
        self._each_application_is_one_person_with_one_number(people, living)
        self._consents_match_the_model(people)
        self._nothing_is_left_of_the_erased(living)
        self._every_account_belongs_to_somebody(people)

    def _each_application_is_one_person_with_one_number(
        self, people: dict[str, Person], living: set[str]
    ) -> None:
        assert self.session.scalar(select(func.count(Person.id))) == len(people)
        assert self.session.scalar(select(func.count(Application.id))) == len(living)
        kept = {number for number, person in people.items() if person.erased_at is not None}
        assert set(people) - kept == living
        assert kept == {one.number for one in self.known if one.erased and one.payments}

    def _consents_match_the_model(self, people: dict[str, Person]) -> None:
        for one in self.known:
            person = people.get(one.number)
            if person is None:
                continue
            agreed = set() if one.erased else one.agreed
            assert consents.given(person) == agreed
            channels = agreed if one.confirmed else agreed - {"email"}
            effective = set() if one.dead else channels
            assert consents.effective(self.session, person) == effective

    def _nothing_is_left_of_the_erased(self, living: set[str]) -> None:
        dead = {one.number for one in self.known if one.dead}
        unsent = self.session.scalars(select(Message).where(Message.state.in_((WAITING, DEAD))))
        for message in unsent:
            assert {message.about, message.values["reference"]} <= living
            assert message.recipient == outbox.SECRETARY or message.about not in dead
        links = self.session.scalars(
            select(ConfirmationToken).where(ConfirmationToken.purpose == confirmation_tokens.JOIN)
        )
        assert {link.data["member"] for link in links} <= living - dead
        trail: dict[str, list[AuditEntry]] = {}
        for entry in self.session.scalars(select(AuditEntry).order_by(AuditEntry.id)):
            trail.setdefault(entry.subject, []).append(entry)
        assert set(trail) == self.issued
        for number, entries in trail.items():
            assert entries[0].what == "applied"
            assert (entries[-1].what == audit.ERASED) == (number not in living)
            unredacted = [entry for entry in entries[:-1] if entry.before or entry.after]
            assert bool(entries[0].after if number in living else not unredacted)

    def _every_account_belongs_to_somebody(self, people: dict[str, Person]) -> None:
        used = {person.account_id for person in people.values()} - {None}
        assert set(self.session.scalars(select(Account.id))) == used
        for one in self._living():
            assert (people[one.number].account_id is not None) == one.confirmed

    # The model

    def _ask(self, application: Application, network: str) -> None:
        self._token = ""

        def link(token: str) -> str:
            self._token = token
            return token

        email_confirmation.request_confirmation(
            self.session,
            email=application.person.email,
            language="en",
            network=network,
            secret=SECRET,
            link=link,
            values=applications.mail_values(application),
            data=applications.token_data(application),
            about=application.person.number,
            now=self.now,
        )

    def _note(self, application: Application, form: Form) -> ModelPerson:
        number = application.person.number
        assert number not in self.issued, "a number was issued twice"
        self.issued.add(number)
        address = form.email.strip().lower()
        new = ModelPerson(number, form.name, form.postcode, address, self.now, set(form.agreed))
        self.known.append(new)
        return new

    def _mailed_to(self, new: ModelPerson) -> None:
        self.mailed.append(Link(self._token, new, new.email, self.now))

    def _is_known(self, form: Form) -> bool:
        def place(name: str, postcode: str) -> tuple[str, str]:
            return fold_name(name), fold_postcode(postcode)

        return any(
            one.email == form.email.strip().lower()
            or place(one.name, one.postcode) == place(form.name, form.postcode)
            for one in self._living()
        )

    def _mark_erased(self, person: ModelPerson) -> None:
        person.erased, person.confirmed = True, False
        self._cancel_links_of(person)

    def _cancel_links_of(self, person: ModelPerson) -> None:
        for link in self.mailed:
            if link.of is person:
                link.cancelled = True

    def _living(self) -> list[ModelPerson]:
        return [one for one in self.known if not one.erased]

    def _row(self, person: ModelPerson) -> Person:
        row = self.session.scalar(select(Person).where(Person.number == person.number))
        if row is None:  # erased without a payment: there is nothing to do anything to
            raise PersonErased(person.number)
        return row

    @contextmanager
    def _refused_to_the_erased(self, person: ModelPerson) -> Iterator[None]:
        try:
            yield
        except PersonErased:
            assert person.erased


LifeCycle.TestCase.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestLives = LifeCycle.TestCase
