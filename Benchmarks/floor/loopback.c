// For LD_PRELOAD: a server that knows no address to listen on (`openssl ocsp -port`) listens on the loopback one.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int bind(int descriptor, const struct sockaddr *address, socklen_t count) {
  static int (*next)(int, const struct sockaddr *, socklen_t);
  if (next == NULL) {
    void *found = dlsym(RTLD_NEXT, "bind");
    memcpy(&next, &found, sizeof next);
  }
  struct sockaddr_in four;
  struct sockaddr_in6 six;
  if (address->sa_family == AF_INET && count >= sizeof four) {
    memcpy(&four, address, sizeof four);
    four.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return next(descriptor, (struct sockaddr *)&four, sizeof four);
  }
  if (address->sa_family == AF_INET6 && count >= sizeof six) {
    memcpy(&six, address, sizeof six);
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &six.sin6_addr);
    return next(descriptor, (struct sockaddr *)&six, sizeof six);
  }
  return next(descriptor, address, count);
}
