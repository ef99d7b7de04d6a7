// A PKCS#11 module for tests: forwards every call to a real module, and makes the faults that a control file asks for.
//
// build: cc -shared -fPIC -o fault.so fault.c $(pkg-config --cflags p11-kit-1) -lpthread
//
// The real module is the one that the environment's FAULT_MODULE names, else SoftHSM. The control file is the
// one that FAULT_CONTROL names, else FILE.control beside this library, FILE being its own path: so copies of
// the library in one process have faults of their own. It is read again whenever it changes; no file means no faults.
// Write it under another name and rename it, so that no half of it is read.
//
// One command on a line; # begins a remark:
//
//   C_Sign rv=0x30              the call answers that code and does nothing
//   C_Sign rv=0x30 count=5      the same, five times; then it works again
//   C_Sign hang count=1         the call does not return before the control file changes; then it goes on
//   C_Sign delay=50ms           the call takes so much longer
//   C_Sign corrupt count=1      one bit of the signature that is returned is wrong
//   logout                      forgets its login once: signing answers CKR_USER_NOT_LOGGED_IN, C_GetSessionInfo shows
//                               a public session, until the next C_Login
//   token absent                no slot has a token; calls to it answer CKR_TOKEN_NOT_PRESENT or CKR_DEVICE_REMOVED
//   token flags=0x40000         C_GetTokenInfo shows these CK_FLAGS besides the real ones
//   token sessions=2            one session more is answered CKR_SESSION_COUNT; C_GetTokenInfo tells the number
//
// Calls that know rv, hang and delay: those that call judge() below. Without count= a command holds for as long as it
// stands in the file. Of several that fit a call, the first is obeyed. Any number of threads may call.
//
// For tests in the same process: avouch_fault_calls(name) counts the calls of a function, and
// avouch_fault_wait_hanging(count, milliseconds) waits until so many calls hang.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum kind { RETURN, HANG, DELAY, CORRUPT };

struct rule {
  char call[32];
  enum kind kind;
  unsigned long value; // CK_RV, or milliseconds
  long left;           // how many times; -1 for ever
};

enum { MAX_RULES = 64, MAX_CALLS = 80 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t hanging_changed = PTHREAD_COND_INITIALIZER;
static CK_FUNCTION_LIST *real_list;
static CK_FUNCTION_LIST own_list;
// All below: only with the lock held.
static char control_path[4096];
static struct stat control_state;
static int control_exists;
static struct rule rules[MAX_RULES];
static int rule_count;
static int token_absent;
static unsigned long token_flags;
static long session_limit; // 0 for none
static long session_count;
static int logged_out;
static int hanging;
static struct {
  char name[32];
  unsigned long count;
} calls[MAX_CALLS];

static void parse_line(char *line) {
  char *save = NULL;
  char *word = strtok_r(line, " \t\r\n", &save);
  if (word == NULL || word[0] == '#') return;
  if (strcmp(word, "logout") == 0) {
    logged_out = 1;
    return;
  }
  if (strcmp(word, "token") == 0) {
    word = strtok_r(NULL, " \t\r\n", &save);
    if (word != NULL && strcmp(word, "absent") == 0) token_absent = 1;
    if (word != NULL && strncmp(word, "flags=", 6) == 0) token_flags = strtoul(word + 6, NULL, 0);
    if (word != NULL && strncmp(word, "sessions=", 9) == 0) session_limit = strtol(word + 9, NULL, 10);
    return;
  }
  if (rule_count == MAX_RULES) return;
  struct rule *rule = &rules[rule_count];
  memset(rule, 0, sizeof *rule);
  snprintf(rule->call, sizeof rule->call, "%s", word);
  rule->left = -1;
  int is_whole = 0;
  while ((word = strtok_r(NULL, " \t\r\n", &save)) != NULL) {
    if (strncmp(word, "count=", 6) == 0) {
      rule->left = strtol(word + 6, NULL, 0);
      continue;
    }
    is_whole = 1;
    if (strncmp(word, "rv=", 3) == 0) {
      rule->kind = RETURN;
      rule->value = strtoul(word + 3, NULL, 0);
    } else if (strcmp(word, "hang") == 0) {
      rule->kind = HANG;
    } else if (strncmp(word, "delay=", 6) == 0) {
      rule->kind = DELAY;
      rule->value = strtoul(word + 6, NULL, 10);
    } else if (strcmp(word, "corrupt") == 0) {
      rule->kind = CORRUPT;
    } else {
      fprintf(stderr, "fault module: '%s' is not understood\n", word);
      abort();
    }
  }
  if (is_whole) rule_count++;
}

static int is_changed(const struct stat *now, int exists) {
  return exists != control_exists ||
         (exists && (now->st_ino != control_state.st_ino || now->st_size != control_state.st_size ||
                     now->st_mtim.tv_sec != control_state.st_mtim.tv_sec ||
                     now->st_mtim.tv_nsec != control_state.st_mtim.tv_nsec));
}

static void read_control(void) {
  struct stat now;
  int exists = stat(control_path, &now) == 0;
  if (!is_changed(&now, exists)) return;
  control_exists = exists;
  control_state = now;
  rule_count = token_absent = 0;
  token_flags = 0;
  session_limit = 0;
  FILE *file = exists ? fopen(control_path, "re") : NULL;
  if (file == NULL) return;
  char line[256];
  while (fgets(line, sizeof line, file) != NULL) parse_line(line);
  fclose(file);
}

static void count_call(const char *name) {
  for (int i = 0; i < MAX_CALLS; i++) {
    if (calls[i].name[0] == 0) snprintf(calls[i].name, sizeof calls[i].name, "%s", name);
    if (strcmp(calls[i].name, name) != 0) continue;
    calls[i].count++;
    return;
  }
}

static void pause_milliseconds(unsigned long milliseconds) {
  struct timespec time = {.tv_sec = (time_t)(milliseconds / 1000), .tv_nsec = (long)(milliseconds % 1000) * 1000000};
  nanosleep(&time, NULL);
}

// With the lock held; without it while it waits.
static void hang(void) {
  struct stat seen = control_state;
  hanging++;
  pthread_cond_broadcast(&hanging_changed);
  for (;;) {
    pthread_mutex_unlock(&lock);
    pause_milliseconds(2);
    pthread_mutex_lock(&lock);
    struct stat now;
    if (stat(control_path, &now) != 0 || now.st_ino != seen.st_ino || now.st_size != seen.st_size) break;
  }
  hanging--;
  pthread_cond_broadcast(&hanging_changed);
}

struct verdict {
  int is_decided;
  CK_RV rv;
  int corrupts;
};

// Counts the call, and does what the control file says of it before it is forwarded.
static struct verdict judge(const char *name) {
  struct verdict verdict = {0, CKR_OK, 0};
  unsigned long delay = 0;
  pthread_mutex_lock(&lock);
  read_control();
  count_call(name);
  if (token_absent) {
    if (strcmp(name, "C_GetTokenInfo") == 0 || strcmp(name, "C_OpenSession") == 0)
      verdict = (struct verdict){1, CKR_TOKEN_NOT_PRESENT, 0};
    if (strcmp(name, "C_Sign") == 0 || strcmp(name, "C_SignInit") == 0)
      verdict = (struct verdict){1, CKR_DEVICE_REMOVED, 0};
  }
  if (logged_out && (strcmp(name, "C_Sign") == 0 || strcmp(name, "C_SignInit") == 0))
    verdict = (struct verdict){1, CKR_USER_NOT_LOGGED_IN, 0};
  for (int i = 0; i < rule_count && !verdict.is_decided; i++) {
    struct rule *rule = &rules[i];
    if (strcmp(rule->call, name) != 0 || rule->left == 0) continue;
    if (rule->left > 0) rule->left--;
    switch (rule->kind) {
    case RETURN: verdict = (struct verdict){1, rule->value, 0}; break;
    case HANG: hang(); break;
    case DELAY: delay = rule->value; break;
    case CORRUPT: verdict.corrupts = 1; break;
    }
    break;
  }
  pthread_mutex_unlock(&lock);
  if (delay > 0) pause_milliseconds(delay);
  return verdict;
}

#define WRAP(name, parameters, arguments)                                                                              \
  static CK_RV fault_##name parameters {                                                                               \
    struct verdict verdict = judge(#name);                                                                             \
    return verdict.is_decided ? verdict.rv : real_list->name arguments;                                                \
  }

WRAP(C_Initialize, (void *arguments), (arguments))
WRAP(C_Finalize, (void *reserved), (reserved))
WRAP(C_GetMechanismInfo, (CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info), (slot, type, info))
WRAP(C_FindObjectsInit, (CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count),
     (session, attributes, count))
WRAP(C_FindObjects, (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG limit, CK_ULONG *count),
     (session, objects, limit, count))
WRAP(C_FindObjectsFinal, (CK_SESSION_HANDLE session), (session))
WRAP(C_GetAttributeValue,
     (CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes, CK_ULONG count),
     (session, object, attributes, count))
WRAP(C_SignInit, (CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key), (session, mechanism, key))

static CK_RV fault_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                                 CK_SESSION_HANDLE *session) {
  struct verdict verdict = judge("C_OpenSession");
  if (verdict.is_decided) return verdict.rv;
  pthread_mutex_lock(&lock);
  int is_full = session_limit > 0 && session_count >= session_limit;
  if (!is_full) session_count++;
  pthread_mutex_unlock(&lock);
  if (is_full) return CKR_SESSION_COUNT;
  CK_RV rv = real_list->C_OpenSession(slot, flags, application, notify, session);
  pthread_mutex_lock(&lock);
  if (rv != CKR_OK) session_count--;
  pthread_mutex_unlock(&lock);
  return rv;
}

static CK_RV fault_C_CloseSession(CK_SESSION_HANDLE session) {
  struct verdict verdict = judge("C_CloseSession");
  if (verdict.is_decided) return verdict.rv;
  CK_RV rv = real_list->C_CloseSession(session);
  pthread_mutex_lock(&lock);
  if (rv == CKR_OK) session_count--;
  pthread_mutex_unlock(&lock);
  return rv;
}

static CK_RV fault_C_GetSlotList(unsigned char with_token, CK_SLOT_ID *slots, CK_ULONG *count) {
  struct verdict verdict = judge("C_GetSlotList");
  if (verdict.is_decided) return verdict.rv;
  pthread_mutex_lock(&lock);
  int is_absent = token_absent;
  pthread_mutex_unlock(&lock);
  if (is_absent && with_token) {
    *count = 0;
    return CKR_OK;
  }
  return real_list->C_GetSlotList(with_token, slots, count);
}

static CK_RV fault_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info) {
  struct verdict verdict = judge("C_GetTokenInfo");
  CK_RV rv = verdict.is_decided ? verdict.rv : real_list->C_GetTokenInfo(slot, info);
  pthread_mutex_lock(&lock);
  if (rv == CKR_OK) info->flags |= token_flags;
  if (rv == CKR_OK && session_limit > 0) info->ulMaxSessionCount = (CK_ULONG)session_limit;
  pthread_mutex_unlock(&lock);
  return rv;
}

static CK_RV fault_C_GetSessionInfo(CK_SESSION_HANDLE session, CK_SESSION_INFO *info) {
  struct verdict verdict = judge("C_GetSessionInfo");
  CK_RV rv = verdict.is_decided ? verdict.rv : real_list->C_GetSessionInfo(session, info);
  pthread_mutex_lock(&lock);
  if (rv == CKR_OK && logged_out) info->state = CKS_RO_PUBLIC_SESSION;
  pthread_mutex_unlock(&lock);
  return rv;
}

static CK_RV fault_C_Login(CK_SESSION_HANDLE session, CK_USER_TYPE user, unsigned char *pin, CK_ULONG count) {
  struct verdict verdict = judge("C_Login");
  if (verdict.is_decided) return verdict.rv;
  CK_RV rv = real_list->C_Login(session, user, pin, count);
  pthread_mutex_lock(&lock);
  // The real token knows nothing of the logout that was played.
  if (logged_out && rv == CKR_USER_ALREADY_LOGGED_IN) rv = CKR_OK;
  if (rv == CKR_OK) logged_out = 0;
  pthread_mutex_unlock(&lock);
  return rv;
}

static CK_RV fault_C_Sign(CK_SESSION_HANDLE session, unsigned char *data, CK_ULONG data_count, unsigned char *signature,
                          CK_ULONG *signature_count) {
  struct verdict verdict = judge("C_Sign");
  if (verdict.is_decided) return verdict.rv;
  CK_RV rv = real_list->C_Sign(session, data, data_count, signature, signature_count);
  if (rv == CKR_OK && verdict.corrupts && signature != NULL) signature[*signature_count / 2] ^= 1;
  return rv;
}

static void find_control(void) {
  Dl_info info;
  const char *named = getenv("FAULT_CONTROL");
  if (named != NULL) {
    snprintf(control_path, sizeof control_path, "%s", named);
  } else if (dladdr((void *)&rules, &info) != 0) {
    snprintf(control_path, sizeof control_path, "%s.control", info.dli_fname);
  }
}

static void load_real(void) {
  const char *path = getenv("FAULT_MODULE");
  if (path == NULL) path = "/usr/lib/softhsm/libsofthsm2.so";
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  CK_RV (*get)(CK_FUNCTION_LIST **) =
      library == NULL ? NULL : (CK_RV(*)(CK_FUNCTION_LIST **))dlsym(library, "C_GetFunctionList");
  if (get == NULL || get(&real_list) != CKR_OK) {
    fprintf(stderr, "fault module: %s is no PKCS#11 module\n", path);
    real_list = NULL;
    return;
  }
  own_list = *real_list;
  own_list.C_Initialize = fault_C_Initialize;
  own_list.C_Finalize = fault_C_Finalize;
  own_list.C_GetSlotList = fault_C_GetSlotList;
  own_list.C_GetTokenInfo = fault_C_GetTokenInfo;
  own_list.C_GetMechanismInfo = fault_C_GetMechanismInfo;
  own_list.C_OpenSession = fault_C_OpenSession;
  own_list.C_CloseSession = fault_C_CloseSession;
  own_list.C_GetSessionInfo = fault_C_GetSessionInfo;
  own_list.C_Login = fault_C_Login;
  own_list.C_FindObjectsInit = fault_C_FindObjectsInit;
  own_list.C_FindObjects = fault_C_FindObjects;
  own_list.C_FindObjectsFinal = fault_C_FindObjectsFinal;
  own_list.C_GetAttributeValue = fault_C_GetAttributeValue;
  own_list.C_SignInit = fault_C_SignInit;
  own_list.C_Sign = fault_C_Sign;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void start(void) {
  find_control();
  load_real();
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) {
  pthread_once(&once, start);
  if (real_list == NULL) return CKR_GENERAL_ERROR;
  own_list.C_GetFunctionList = C_GetFunctionList;
  *list = &own_list;
  return CKR_OK;
}

// How often a function was called; 0 for one that is not wrapped.
unsigned long avouch_fault_calls(const char *name) {
  unsigned long count = 0;
  pthread_mutex_lock(&lock);
  for (int i = 0; i < MAX_CALLS; i++)
    if (strcmp(calls[i].name, name) == 0) count = calls[i].count;
  pthread_mutex_unlock(&lock);
  return count;
}

// Waits until at least so many calls hang. 0 when the time is over.
int avouch_fault_wait_hanging(int count, int milliseconds) {
  struct timespec limit;
  clock_gettime(CLOCK_REALTIME, &limit);
  limit.tv_sec += milliseconds / 1000;
  limit.tv_nsec += (long)(milliseconds % 1000) * 1000000;
  if (limit.tv_nsec >= 1000000000) {
    limit.tv_sec++;
    limit.tv_nsec -= 1000000000;
  }
  int rc = 0;
  pthread_mutex_lock(&lock);
  while (hanging < count && rc == 0) rc = pthread_cond_timedwait(&hanging_changed, &lock, &limit);
  int is_reached = hanging >= count;
  pthread_mutex_unlock(&lock);
  return is_reached;
}
