// The floor: what any HTTP server pays on this machine. It parses nothing: one epoll loop on one processor that writes
// the same octets for each receive and does no more.
//
//   floor PORT FILE [PROCESSOR [close]]
//
// FILE holds a whole HTTP response. With `close` each connection ends after it. Ends on SIGTERM.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static char input[65536];
static char answer[65536];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static size_t read_answer(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail(path);
  size_t count = fread(answer, 1, sizeof answer, file);
  fclose(file);
  if (count == 0 || count == sizeof answer) {
    fprintf(stderr, "%s: empty or too large\n", path);
    exit(1);
  }
  return count;
}

static int listen_on(int port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
  if (listen(listener, 4096) != 0) fail("listen");
  return listener;
}

static void accept_all(int poll, int listener) {
  for (;;) {
    int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client < 0) return;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = client};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, client, &event) != 0) fail("epoll_ctl");
  }
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: floor PORT FILE [PROCESSOR [close]]\n");
    return 2;
  }
  int closes = argc > 4 && strcmp(argv[4], "close") == 0;
  signal(SIGPIPE, SIG_IGN);
  size_t answer_count = read_answer(argv[2]);
  if (argc > 3) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(atoi(argv[3]), &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) fail("sched_setaffinity");
  }
  int listener = listen_on(atoi(argv[1]));
  int poll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event listening = {.events = EPOLLIN, .data.fd = listener};
  if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &listening) != 0) fail("epoll");
  struct epoll_event events[256];
  for (;;) {
    int count = epoll_wait(poll, events, 256, -1);
    for (int index = 0; index < count; index++) {
      int client = events[index].data.fd;
      if (client == listener) {
        accept_all(poll, listener);
        continue;
      }
      ssize_t received = recv(client, input, sizeof input, 0);
      if (received > 0) {
        if (send(client, answer, answer_count, MSG_NOSIGNAL) == (ssize_t)answer_count && !closes) continue;
      } else if (received < 0 && errno == EAGAIN) {
        continue;
      }
      close(client);
    }
  }
}
