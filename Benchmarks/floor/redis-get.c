// The floor of Benchmarks/redis, part l2: a bare hiredis loop that keeps so many GETs on the way and looks at each reply.
//
// usage: redis-get PORT KEYS DEPTH SECONDS     KEYS: a file with one key a line
// Prints replies a second, and microseconds of processor time a reply.
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static double cpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void fail(const char *what) {
  fprintf(stderr, "redis-get: %s\n", what);
  exit(1);
}

static char **read_keys(const char *path, size_t *count) {
  FILE *file = fopen(path, "r");
  if (file == NULL) fail("the keys cannot be read");
  char **keys = NULL, line[512];
  size_t room = 0;
  *count = 0;
  while (fgets(line, sizeof line, file) != NULL) {
    line[strcspn(line, "\n")] = 0;
    if (*count == room) {
      room = room == 0 ? 1024 : 2 * room;
      keys = realloc(keys, room * sizeof *keys);
      if (keys == NULL) fail("no memory");
    }
    keys[(*count)++] = strdup(line);
  }
  fclose(file);
  if (*count == 0) fail("no keys");
  return keys;
}

int main(int count, char **arguments) {
  if (count != 5) fail("usage: redis-get PORT KEYS DEPTH SECONDS");
  size_t keys_count, next = 0;
  char **keys = read_keys(arguments[2], &keys_count);
  int depth = atoi(arguments[3]);
  redisContext *redis = redisConnect("127.0.0.1", atoi(arguments[1]));
  if (redis == NULL || redis->err) fail("no connection");
  double cpu_before = cpu(), begin = now(), end = begin + atof(arguments[4]);
  long replies = 0;
  for (int sent = 0; sent < depth; sent++) redisAppendCommand(redis, "GET %s", keys[next++ % keys_count]);
  // One more is sent for each reply, with the next write: as many stay on the way as connections ask an edge.
  while (now() < end) {
    for (int batch = 0; batch < depth; batch++) {
      redisReply *reply;
      if (redisGetReply(redis, (void **)&reply) != REDIS_OK) fail("the connection broke");
      if (reply->type != REDIS_REPLY_STRING) fail("a key is not there");
      freeReplyObject(reply);
      replies++;
      redisAppendCommand(redis, "GET %s", keys[next++ % keys_count]);
    }
  }
  printf("%.0f %.3f\n", replies / (now() - begin), (cpu() - cpu_before) / replies * 1e6);
  redisFree(redis);
  return 0;
}
