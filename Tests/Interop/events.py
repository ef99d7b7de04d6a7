"""A CA that sends events to Avouch, by the reference implementation of Standard Webhooks."""
import base64
import datetime
import http.client
import json
import os
import re
import uuid

from standardwebhooks.webhooks import Webhook

import avouch

PATH = "/v1/events"


def new_secret():
    return "whsec_" + base64.b64encode(os.urandom(32)).decode()


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def event(kind, issuer="interop", *, time=None, **data):
    return {"type": f"certificate.{kind}" if "." not in kind else kind, "timestamp": (time or now()).isoformat(),
            "data": {"issuer": issuer, **data}}


def receive(authority, *secrets, **events):
    """Adds a receiver to avouch.json5, with a file of secrets for the first issuer."""
    authority.path("secrets").write_text("".join(one + "\n" for one in secrets))
    authority.path("secrets").chmod(0o600)
    path = authority.path("avouch.json5")
    settings = json.loads(path.read_text())
    settings["events"] = {"listen": ["127.0.0.1:0"], **events}
    settings["issuers"][0]["events"] = {"secretFiles": ["secrets"]}
    path.write_text(json.dumps(settings))


def receiver_of(server):
    """Host and port where a running node takes events."""
    line = next(line for line in server.output if line.startswith("events at "))
    match = re.fullmatch(r"events at https?://(.+):(\d+)/v1/events\n", line)
    return match[1], int(match[2])


class Sender:
    """Sends events over one connection, kept open."""

    def __init__(self, server, secret, tls=None):
        self.address = receiver_of(server)
        self.tls = tls
        self.webhook = Webhook(secret)
        self.connection = None

    def headers(self, body, message_id=None, time=None):
        message_id, time = message_id or f"msg_{uuid.uuid4().hex}", time or now()
        return {"webhook-id": message_id, "webhook-timestamp": str(int(time.timestamp())),
                "webhook-signature": self.webhook.sign(message_id, time, body), "Content-Type": "application/json"}

    def send(self, what, message_id=None, *, time=None, headers=None, target=PATH, method="POST"):
        """Status, fields and JSON of the answer."""
        body = what if isinstance(what, str) else json.dumps(what)
        headers = self.headers(body, message_id, time) if headers is None else headers
        if self.connection is None:
            self.connection = (
                http.client.HTTPSConnection(*self.address, timeout=avouch.PATIENCE, context=self.tls) if self.tls
                else http.client.HTTPConnection(*self.address, timeout=avouch.PATIENCE))
        self.connection.request(method, target, body, headers)
        answer = self.connection.getresponse()
        octets = answer.read()
        if answer.will_close:
            self.close()
        try:
            return answer.status, answer.headers, json.loads(octets)
        except ValueError:
            return answer.status, answer.headers, octets.decode()

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None
