// Linux calls that Swift's Glibc module does not bring.
//
// Swift reads Glibc's headers without _GNU_SOURCE; a header here that defined it would give Swift a second, different
// version of the same types. So what needs _GNU_SOURCE is wrapped in CLinux.c, behind a name of our own.
#ifndef AVOUCH_CLINUX_H
#define AVOUCH_CLINUX_H

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>

// pthread_setname_np for the calling thread; at most 15 characters.
int avouch_name_this_thread(const char *name);

// CPU_SET is a macro: binds the calling thread to one processor. 0, or an errno.
int avouch_pin_this_thread(int processor);

// How many processors this process may run on, and which the nth of them is; -1 where there is none.
int avouch_processor_count(void);
int avouch_processor_at(int place);

// FIONREAD, which goes through ioctl, whose arguments Swift does not know: octets that were received and not read; 0 where
// that cannot be told.
int avouch_unread(int descriptor);

// accept4 with SOCK_NONBLOCK | SOCK_CLOEXEC: needs _GNU_SOURCE.
int avouch_accept(int listener);

// recv, send with MSG_NOSIGNAL, and epoll_wait without being points where a thread can be cancelled: in a program with
// threads glibc pays two locked instructions for that in each call, and no thread here is ever cancelled.
ssize_t avouch_receive(int descriptor, void *buffer, size_t count);
ssize_t avouch_send(int descriptor, const void *buffer, size_t count);
int avouch_epoll_wait(int epoll, struct epoll_event *events, int count, int milliseconds);

// pthread_clockjoin_np: joins a thread that ends within so many milliseconds. 0, or an errno (ETIMEDOUT).
int avouch_join_within(pthread_t thread, long long milliseconds);

// epoll_pwait2, which waits for nanoseconds where epoll_wait waits for milliseconds; a kernel before 5.11 has it not, and
// waits for whole milliseconds, never longer than asked. A negative number waits without end.
int avouch_epoll_wait_precisely(int epoll, struct epoll_event *events, int capacity, long long nanoseconds);

// PR_SET_TIMERSLACK: the system wakes the calling thread when it asked to be, not up to 50 microseconds later.
void avouch_wake_precisely(void);

#endif
