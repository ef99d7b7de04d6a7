"""Demos with a token that were killed while they were made, and demos that lost something of it."""
import re
import shutil

import pytest

import avouch
from demo_hsm import Demo, preload

# Before which of the calls that change a file a demo is killed while it is made: each of the first, which make one file
# after the other, then one in seven, since SoftHSM makes hundreds of them. All of them take half a minute.
KILLED_AT = [*range(1, 50), *range(50, 1000, 7)]


@pytest.fixture
def demo(tmp_path):
    return Demo(tmp_path / "demo")


def finish(demo):
    """Brings it to its end as its messages say."""
    for _ in range(2):
        try:
            with demo.start() as server:
                assert demo.ask(server, "good") == "good"
                return
        except avouch.NotStarted as error:
            found = re.search(r"this demo is not complete: remove (.*) and start it again", str(error))
            assert found and found.group(1) == str(demo.path("softhsm")), error
            shutil.rmtree(found.group(1))
    raise AssertionError("what the message says does not help")


def test_one_that_is_killed_at_any_write_can_be_finished(tmp_path):
    killing = preload(tmp_path, r"""
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <fcntl.h>
        #include <signal.h>
        #include <stdarg.h>
        #include <stdio.h>
        #include <stdlib.h>
        #include <sys/stat.h>
        #include <unistd.h>

        static void change(void) {
          static int calls;
          const char *last = getenv("KILL_AT");
          if (last && __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST) == atoi(last)) kill(getpid(), SIGKILL);
        }

        #define REAL(name, ...) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))(__VA_ARGS__)

        int mkdir(const char *path, mode_t mode) { change(); return REAL(mkdir, path, mode); }
        int rename(const char *from, const char *to) { change(); return REAL(rename, from, to); }
        int link(const char *from, const char *to) { change(); return REAL(link, from, to); }
        int unlink(const char *path) { change(); return REAL(unlink, path); }
        int remove(const char *path) { change(); return REAL(remove, path); }
        int fflush(FILE *file) { change(); return REAL(fflush, file); }
        int ftruncate(int file, off_t length) { change(); return REAL(ftruncate, file, length); }

        ssize_t write(int file, const void *octets, size_t count) {
          if (file > 2) change();
          return REAL(write, file, octets, count);
        }

        int open(const char *path, int flags, ...) {
          mode_t mode = 0;
          if (flags & O_CREAT) {
            va_list list;
            va_start(list, flags);
            mode = va_arg(list, mode_t);
            va_end(list);
            change();
          }
          return REAL(open, path, flags, mode);
        }
        """)
    for number in KILLED_AT:
        demo = Demo(tmp_path / f"demo-{number}")
        try:
            with demo.start(environment={**killing, "KILL_AT": str(number)}):
                break
        except avouch.NotStarted:
            finish(demo)
    assert number > 200


def cut_off(demo):
    """As one is that was cut off before the responder's certificate was there; its token is made anew, bit by bit."""
    demo.make()
    for name in ("index.txt", "responder.pem", "avouch.json5"):
        demo.path(name).unlink()
    for path in demo.folder.glob("avouch.*"):
        path.unlink()
    return demo


def empty_token_folder(demo):
    shutil.rmtree(demo.path("softhsm/tokens"))
    demo.path("softhsm/tokens").mkdir(mode=0o700)


def test_a_token_without_its_users_pin_is_finished(demo):
    empty_token_folder(cut_off(demo))
    officer = demo.path("softhsm/so-pin").read_text().strip()
    made = demo.opensc("--init-token", "--label", "avouch-demo", "--slot-index", "0", "--so-pin", officer, login=False)
    assert made.returncode == 0, made.stderr
    with demo.start() as server:
        assert demo.ask(server, "good") == "good"
    assert len(list(demo.path("softhsm/tokens").iterdir())) == 1


def test_a_token_of_which_there_is_half_a_folder_is_left_behind(demo):
    empty_token_folder(cut_off(demo))
    half = demo.path("softhsm/tokens/01234567-89ab-cdef-0123-456789abcdef")
    half.mkdir()
    (half / "token.object").write_bytes(b"")
    with demo.start() as server:
        assert demo.ask(server, "good") == "good"


def test_a_key_without_a_certificate_gets_one(demo):
    key = cut_off(demo).key_id()
    with demo.start() as server:
        assert demo.ask(server, "good") == "good"
    assert demo.key_id() == key


@pytest.mark.parametrize("kind", ["privkey", "pubkey"])
def test_half_a_key_pair_is_to_be_removed(demo, kind):
    cut_off(demo)
    assert demo.opensc("--delete-object", "--type", kind, "--label", "responder").returncode == 0
    done = demo.run()
    assert done.returncode == 1
    assert f"this demo is not complete: remove {demo.folder}/softhsm and start it again" in done.stderr
    finish(demo)


@pytest.mark.parametrize("lost", ["softhsm", "softhsm/pin", "softhsm/tokens", "softhsm/tokens/*", "key"])
def test_a_complete_demo_that_lost_its_key_gets_no_other(demo, lost):
    demo.make()
    aside = demo.folder.parent / "aside"
    if lost == "key":
        assert demo.opensc("--delete-object", "--type", "privkey", "--label", "responder").returncode == 0
    else:
        place = next(demo.folder.glob(lost))
        place.rename(aside)
    certificate = demo.path("responder.pem").read_bytes()
    done = demo.run()
    assert done.returncode == 1 and "remove" in done.stderr and "name another" in done.stderr
    assert demo.path("responder.pem").read_bytes() == certificate
    if lost != "key":
        assert not place.exists()
        aside.rename(place)
        demo.make()
