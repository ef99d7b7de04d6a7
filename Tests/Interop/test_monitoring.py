"""What an operator watches: the metrics page and the log."""
import os
import re
import subprocess

import avouch
import exposition


def metrics(authority):
    result = subprocess.run(["curl", "-s", "--unix-socket", authority.path("control"), "http://localhost/metrics"],
                            capture_output=True, check=True, text=True)
    return result.stdout


def test_the_state_is_in_the_metrics(authority):
    good = authority.issue("good.example")
    authority.record(good)
    authority.configure()
    authority.import_index()
    version = avouch.run("version").stdout.split()[1]
    with authority.serve():
        text = metrics(authority)
        values = exposition.read(text)
        assert values["avouch_ready"] == 1 and values["avouch_store_writable"] == 1
        assert values[f'avouch_build_info{{version="{version}"}}'] == 1
        end = authority.responder.not_valid_after_utc.timestamp()
        assert values['avouch_signer_not_after_seconds{issuer="interop"}'] == end
        assert f"{good.serial_number:X}" not in text
        # The store goes away under it: what was signed cannot be kept, and changes cannot be read.
        os.truncate(authority.path("avouch.sqlite"), 0)
        authority.path("avouch.sqlite").write_bytes(b"broken" * 10000)
        avouch.wait_until(lambda: exposition.read(metrics(authority))["avouch_ready"] == 0)


STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (info|warning): ")


def test_every_line_of_the_log_has_time_and_level(authority):
    authority.record(authority.issue("good.example"))
    authority.configure()
    authority.import_index()
    with authority.serve() as server:
        assert server.stop() == 0
        assert any("preparing answers" in line for line in server.errors)
        assert all(STAMP.match(line) for line in server.errors), server.errors
        assert server.output[0].startswith("serving http") and server.output[-1].startswith("ready: ")
