"""Mail against a real SMTP server, with and without TLS and login."""

from __future__ import annotations

import email
import ssl
from email.policy import default

import pytest

from amiss.core.errors import RecipeError, TerminalError, TransientError
from amiss.io.alarms.making import make_sink
from tests.io.alarms.contract import Channel, SinkContract
from tests.io.alarms.receivers import HOSTILE, hostile, news
from tests.servers import authority, free_port

aiosmtpd = pytest.importorskip("aiosmtpd.controller", reason="aiosmtpd is not installed")
from aiosmtpd.smtp import AuthResult  # noqa: E402

PASSWORD = "of-the-mailbox-55ad"
# The server cannot know that with TLS from the first byte nothing goes in the clear.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning")


class Mailbox:
    """Keeps what comes, and refuses whom it is told to refuse."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], bytes]] = []
        self.refused: dict[str, str] = {}
        self.data_answers: list[str] = []

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if self.data_answers:
            return self.data_answers.pop(0)
        self.mails.append((envelope.rcpt_tos, envelope.content))
        return "250 OK"

    def read(self):
        return [email.message_from_bytes(content, policy=default) for _, content in self.mails]


def opened(mailbox, **options):
    controller = aiosmtpd.Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    return controller


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def plain(mailbox):
    controller = opened(mailbox)
    yield controller.port
    controller.stop()


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    ca, certificate, key = authority(tmp_path_factory.mktemp("authority"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return ca, context


def authenticator(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"amiss", PASSWORD.encode())
    return AuthResult(success=right, handled=False)


@pytest.fixture(params=["starttls", "tls"])
def guarded(request, mailbox, papers):
    """A server that wants TLS and a login, and the options that fit it."""
    ca, context = papers
    how = (
        {"tls_context": context, "require_starttls": True} if request.param == "starttls" else {"ssl_context": context}
    )
    controller = opened(mailbox, authenticator=authenticator, auth_required=True, auth_require_tls=request.param ==
                        "starttls", **how)  # fmt: skip
    yield {"port": controller.port, "security": request.param, "ca_file": str(ca)}
    controller.stop()


def mailer(port, monkeypatch=None, *, password=None, **options):
    if password is not None:
        monkeypatch.setenv("MAIL_PASSWORD", password)
        options |= {"user": "amiss", "password": {"env": "MAIL_PASSWORD"}}
    usual = {"security": "none", "host": "127.0.0.1", "sender": "amiss@example.org", "to": "on-call@example.org"}
    return make_sink("mail", {"type": "smtp", "port": port, "timeout_seconds": 3, **usual, **options})


class TestMail(SinkContract):
    @pytest.fixture
    def channel(self, mailbox, guarded, monkeypatch):
        def arrived(_):
            bodies = [(mail, mail.get_body(("plain",)).get_content()) for mail in mailbox.read()]
            return [f"{mail['X-Amiss-Id']} {mail['Subject']}\n{body}" for mail, body in bodies]

        away = mailer(free_port(), monkeypatch, password=PASSWORD)
        guarded = {"password": PASSWORD, **guarded}
        return Channel(mailer(monkeypatch=monkeypatch, **guarded), arrived, away, (PASSWORD,))


def test_mails_of_one_alarm_stand_in_one_thread_and_the_same_mail_is_one(plain, mailbox):
    sink = mailer(plain)
    for fields in (
        {},
        {},
        {"action": "resolve", "id": "end", "ended": "2026-03-02T01:00:00Z"},
        {"fingerprint": "other"},
    ):
        sink.deliver(news(**fields))
    first, again, end, other = mailbox.read()
    assert first["Message-ID"] == again["Message-ID"] != end["Message-ID"]
    assert first["References"] == end["References"] == end["In-Reply-To"] != other["References"]
    assert (first["Subject"], end["Subject"]) == (
        "[ALARM] pump-3: temperature is high", "[RESOLVED] pump-3: temperature is high")  # fmt: skip
    assert first.defects == []


def test_no_header_and_no_recipient_can_be_smuggled_in(plain, mailbox):
    mailer(plain).deliver(hostile())
    ((recipients, raw),) = mailbox.mails
    (mail,) = mailbox.read()
    assert recipients == ["on-call@example.org"]
    assert mail["Bcc"] is None
    assert not [line for line in raw.splitlines() if line.startswith(b"Bcc")]
    page = mail.get_body(("html",)).get_content()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert max(map(len, raw.splitlines())) <= 998


@pytest.mark.parametrize("address", ["a@b\r\nBcc: c@d", "a@b, c@d", "nobody", "<a@b>", "ä@b.org", HOSTILE, ""])
def test_addresses_that_are_none_are_refused(address):
    with pytest.raises(RecipeError, match=r"channel\.mail\.to"):
        mailer(25, to=["fine@example.org", address])
    with pytest.raises(RecipeError, match=r"channel\.mail\.sender"):
        mailer(25, sender=address)


def test_a_wrong_password_is_for_good_and_not_shown(guarded, monkeypatch, mailbox):
    with pytest.raises(TerminalError, match="535") as caught:
        mailer(monkeypatch=monkeypatch, **guarded, password="wrong-and-long").deliver(news())
    assert "wrong-and-long" not in str(caught.value)
    assert mailbox.mails == []


def test_a_certificate_of_others_is_not_believed(guarded, monkeypatch, mailbox):
    with pytest.raises(TransientError, match="certificate"):
        mailer(monkeypatch=monkeypatch, password=PASSWORD, **guarded | {"ca_file": None}).deliver(news())
    assert mailbox.mails == []


def test_a_server_without_tls_gets_no_password(plain, mailbox, monkeypatch):
    with pytest.raises(TerminalError, match="starttls"):
        mailer(plain, monkeypatch, password=PASSWORD, security="starttls").deliver(news())
    assert mailbox.mails == []
    with pytest.raises(RecipeError, match="in the clear"):
        mailer(25, monkeypatch, password=PASSWORD, host="mail.example.org")


def test_a_busy_server_is_tried_again_and_a_refusal_is_not(plain, mailbox):
    mailbox.data_answers = ["451 later", "552 too large"]
    with pytest.raises(TransientError, match="451"):
        mailer(plain).deliver(news())
    with pytest.raises(TerminalError, match="552"):
        mailer(plain).deliver(news())


def test_recipients_that_are_refused_are_named(plain, mailbox):
    both = ["on-call@example.org", "gone@example.org"]
    mailbox.refused = {"gone@example.org": "550 no such user"}
    with pytest.raises(TerminalError, match=r"1 of 2 recipients.*gone@example.org.*550"):
        mailer(plain, to=both).deliver(news())
    assert len(mailbox.mails) == 1
    mailbox.refused = {"gone@example.org": "450 full", "on-call@example.org": "550 no such user"}
    with pytest.raises(TransientError, match="2 of 2"):
        mailer(plain, to=both).deliver(news())
