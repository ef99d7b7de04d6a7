"""`avouch check`: what it prints, also where nothing came back."""
import json
import os
import re

import pytest

from avouch import run
from fixed_answer import FixedAnswer


def asked(authority, url, *words, **options):
    return run("check", "--json", "--issuer", authority.path("ca.pem"), "--serial", "01", *words, url, **options)


def test_json_is_one_object_with_the_same_keys_whatever_happens(world, tmp_path):
    wrong = asked(world, world.server.url, "--serial=02")
    assert wrong.returncode == 2 and wrong.stdout == "" and "twice" in wrong.stderr
    url = world.server.url
    serial = f"{world.revoked.serial_number:X}"
    revoked = run("check", "--json", "--issuer", world.path("ca.pem"), "--serial", serial, url)
    keys = set(json.loads(revoked.stdout))
    assert json.loads(revoked.stdout)["error"] is None and "revokedAt" in keys
    unknown = json.loads(asked(world, url).stdout)
    assert set(unknown) == keys and (unknown["status"], unknown["error"]) == ("unauthorized", None)
    with FixedAnswer(b"<html>", status=404, content_type="text/html") as web:
        for result, word, http_status in (
                (asked(world, "http://127.0.0.1:1"), "refused", None),
                (asked(world, web.url), "not an OCSP response", 404),
                (run("check", "--json", "--issuer", tmp_path / "none.pem", "--serial", "1", url), "none.pem", None),
                (run("check", "--json", "--issuer", world.path("ca.pem"), "--cert", tmp_path / "none.pem", url),
                 "none.pem", None)):
            shown = json.loads(result.stdout)
            assert result.returncode == 1 and set(shown) == keys
            assert (shown["status"], shown["verified"], shown["httpStatus"]) == ("noAnswer", False, http_status)
            assert word in shown["error"].lower() or word in shown["error"]


def test_a_cache_in_front_is_asked_by_the_name_of_what_is_behind_it(world):
    host, port = world.server.address
    serial = f"{world.revoked.serial_number:X}"
    words = ["check", "--issuer", world.path("ca.pem"), "--serial", serial]
    proxied = {**os.environ, "http_proxy": "http://127.0.0.1:1"}
    shown = run(*words, "--at", f"http://{host}:{port}", "--get", "http://ocsp.example/", env=proxied).stdout
    assert shown.startswith("status         REVOKED")
    assert f"GET http://ocsp.example/\n               asked at {host}:{port}\n" in shown
    assert "\nage " not in shown
    with FixedAnswer(b"<html>", fields=[("Age", "17")]) as cache:
        assert json.loads(run(*words, "--json", "--at", cache.url, "http://ocsp.example:81/").stdout)["age"] == 17
        assert cache.hosts == ["ocsp.example:81"]
    for wrong in ("https://a:1", "a:1", "http://a:1/b", "http://a:0", "http://a:b", "http://", "http://:1",
                  "http://u@a", "http://a?b"):
        result = run(*words, "--at", wrong, "http://ocsp.example/")
        assert result.returncode == 2 and result.stdout == "" and f"--at: '{wrong}'" in result.stderr


def test_text_of_failures_goes_to_standard_error(world):
    result = run("check", "--issuer", world.path("ca.pem"), "--serial", "01", "http://127.0.0.1:1")
    assert result.returncode == 1 and result.stdout == "" and "Connection refused" in result.stderr


@pytest.mark.parametrize("zone, pattern", [
    ("UTC", r"next update    \S+Z  \(in 3 days\)"),
    ("JST-9", r"next update    \S+Z  \([-0-9]+ [:0-9]+ JST, in 3 days\)")])
def test_times_are_said_once_and_to_the_nearest(world, zone, pattern):
    text = run("check", "--issuer", world.path("ca.pem"), "--cert", world.path("good.example.pem"), world.server.url,
               env={**os.environ, "TZ": zone}).stdout
    assert re.search(pattern, text), text
    assert "UTC" not in text


@pytest.mark.parametrize("command", ["import", "check", "revoke", "config check", "demo"])
def test_help_before_the_command_is_help_after_it(command):
    words = command.split()
    before, after = run("help", *words), run(*words, "--help")
    assert before.returncode == 0 and before.stdout == after.stdout
    assert before.stdout.startswith("usage: avouch " + words[0])
