#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "CLinux.h"

int avouch_name_this_thread(const char *name) { return pthread_setname_np(pthread_self(), name); }

int avouch_pin_this_thread(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

int avouch_processor_count(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

int avouch_processor_at(int place) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return -1;
  for (int processor = 0; processor < CPU_SETSIZE; processor++) {
    if (CPU_ISSET(processor, &set) && place-- == 0) return processor;
  }
  return -1;
}

int avouch_unread(int descriptor) {
  int count = 0;
  return ioctl(descriptor, FIONREAD, &count) == 0 ? count : 0;
}

int avouch_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }

int avouch_join_within(pthread_t thread, long long milliseconds) {
  struct timespec limit;
  clock_gettime(CLOCK_MONOTONIC, &limit);
  limit.tv_sec += milliseconds / 1000;
  limit.tv_nsec += (milliseconds % 1000) * 1000000;
  if (limit.tv_nsec >= 1000000000) {
    limit.tv_sec += 1;
    limit.tv_nsec -= 1000000000;
  }
  return pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &limit);
}

ssize_t avouch_receive(int descriptor, void *buffer, size_t count) {
  return syscall(SYS_recvfrom, descriptor, buffer, count, 0, NULL, NULL);
}

ssize_t avouch_send(int descriptor, const void *buffer, size_t count) {
  return syscall(SYS_sendto, descriptor, buffer, count, MSG_NOSIGNAL, NULL, 0);
}

// epoll_pwait without a mask: every architecture has it, and not every one has epoll_wait.
int avouch_epoll_wait(int epoll, struct epoll_event *events, int count, int milliseconds) {
  return (int)syscall(SYS_epoll_pwait, epoll, events, count, milliseconds, NULL, 0);
}

int avouch_epoll_wait_precisely(int epoll, struct epoll_event *events, int capacity, long long nanoseconds) {
  struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  int count = epoll_pwait2(epoll, events, capacity, nanoseconds < 0 ? NULL : &time, NULL);
  if (count >= 0 || errno != ENOSYS) return count;
  long long milliseconds = nanoseconds / 1000000;
  return avouch_epoll_wait(
      epoll, events, capacity, nanoseconds < 0 ? -1 : milliseconds > INT_MAX ? INT_MAX : (int)milliseconds);
}

void avouch_wake_precisely(void) { prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); }
