"""Bounces as mail servers write them."""

DELIVERY_STATUS = """\
From: MAILER-DAEMON@mx.example.net (Mail Delivery System)
To: psg@example.org
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

{original}Final-Recipient: rfc822; {address}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 <{address}>: Recipient address rejected: no such user

--b
Content-Type: text/rfc822-headers

From: psg@example.org
To: {address}
Message-ID: <{message_id}@example.org>
Subject: Confirm your address

--b--
"""
EXIM = """\
From: Mail Delivery System <Mailer-Daemon@mx.example.net>
To: psg@example.org
X-Failed-Recipients: {address}
Subject: Mail delivery failed: returning message to sender

A message that you sent could not be delivered:

  {address}
    SMTP error from remote mail server: 550 mailbox unavailable
"""
QMAIL = """\
Return-Path: <>
From: MAILER-DAEMON@mx.example.net
To: psg@example.org
Subject: failure notice

Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.

<{address}>:
192.0.2.7 does not like recipient. Remote host said: 550 no such user
"""
LETTER = """\
From: {address}
To: psg@example.org
Subject: Re: your letter

I received it, thank you.
"""


def delivery_status(
    address: str,
    *,
    action: str = "failed",
    status: str = "5.1.1",
    message_id: str = "0",
    original: str = "",
) -> bytes:
    """Return a bounce with a delivery status (RFC 3464), as Postfix sends it."""
    before = f"Original-Recipient: rfc822;{original}\n" if original else ""
    return DELIVERY_STATUS.format(
        address=address, action=action, status=status, message_id=message_id, original=before
    ).encode()
