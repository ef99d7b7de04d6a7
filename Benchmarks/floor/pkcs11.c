// The floor for signing through PKCS#11: threads that do nothing but C_SignInit and C_Sign.
//
// usage: pkcs11 MODULE TOKEN KEY (ecdsa | rsa) THREADS SECONDS; the PIN is the environment's PIN
//
// Prints the signatures of a second. ECDSA signs a digest, RSA a DigestInfo, as Avouch has them signed.
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_THREADS = 64 };

static CK_FUNCTION_LIST *module;
static CK_SLOT_ID slot;
static const char *key_label;
static CK_MECHANISM_TYPE mechanism;
static CK_ULONG input_count;
static double seconds;

static void need(const char *what, CK_RV rv) {
  if (rv == CKR_OK) return;
  fprintf(stderr, "%s: 0x%lx\n", what, rv);
  _exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *work(void *count) {
  CK_SESSION_HANDLE session;
  CK_OBJECT_HANDLE key;
  CK_ULONG found = 0;
  CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
  need("C_OpenSession", module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session));
  CK_RV rv = module->C_Login(session, CKU_USER, (unsigned char *)getenv("PIN"), strlen(getenv("PIN")));
  if (rv != CKR_USER_ALREADY_LOGGED_IN) need("C_Login", rv);
  CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &private_key, sizeof private_key},
                           {CKA_LABEL, (void *)key_label, strlen(key_label)}};
  need("C_FindObjectsInit", module->C_FindObjectsInit(session, wanted, 2));
  need("C_FindObjects", module->C_FindObjects(session, &key, 1, &found));
  need("C_FindObjectsFinal", module->C_FindObjectsFinal(session));
  need("the key", found == 1 ? CKR_OK : CKR_KEY_HANDLE_INVALID);
  CK_MECHANISM how = {mechanism, NULL, 0};
  unsigned char input[64] = {1}, signature[1024];
  long done = 0;
  for (double end = now() + seconds; now() < end; done++) {
    memcpy(input, &done, sizeof done);
    CK_ULONG signature_count = sizeof signature;
    need("C_SignInit", module->C_SignInit(session, &how, key));
    need("C_Sign", module->C_Sign(session, input, input_count, signature, &signature_count));
  }
  *(long *)count = done;
  return NULL;
}

static int has_label(CK_SLOT_ID id, const char *label) {
  CK_TOKEN_INFO info;
  if (module->C_GetTokenInfo(id, &info) != CKR_OK) return 0;
  char padded[sizeof info.label + 1];
  snprintf(padded, sizeof padded, "%-32s", label);
  return memcmp(padded, info.label, sizeof info.label) == 0;
}

int main(int argc, char **argv) {
  if (argc != 7 || getenv("PIN") == NULL) {
    fprintf(stderr, "usage: PIN=... pkcs11 MODULE TOKEN KEY (ecdsa | rsa) THREADS SECONDS\n");
    return 2;
  }
  void *library = dlopen(argv[1], RTLD_NOW);
  CK_C_GetFunctionList list = library == NULL ? NULL : (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
  if (list == NULL || list(&module) != CKR_OK) return 1;
  key_label = argv[3];
  int is_rsa = strcmp(argv[4], "rsa") == 0;
  mechanism = is_rsa ? CKM_RSA_PKCS : CKM_ECDSA;
  input_count = is_rsa ? 51 : 32;
  int threads = atoi(argv[5]);
  if (threads < 1 || threads > MAX_THREADS) return 2;
  seconds = atof(argv[6]);
  CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
  need("C_Initialize", module->C_Initialize(&arguments));
  CK_SLOT_ID slots[256];
  CK_ULONG count = 256, place = 0;
  need("C_GetSlotList", module->C_GetSlotList(CK_TRUE, slots, &count));
  while (place < count && !has_label(slots[place], argv[2])) place++;
  need("the token", place < count ? CKR_OK : CKR_TOKEN_NOT_PRESENT);
  slot = slots[place];
  pthread_t handles[MAX_THREADS];
  long counts[MAX_THREADS] = {0}, total = 0;
  for (int i = 0; i < threads; i++) pthread_create(&handles[i], NULL, work, &counts[i]);
  for (int i = 0; i < threads; i++) {
    pthread_join(handles[i], NULL);
    total += counts[i];
  }
  printf("%.0f\n", (double)total / seconds);
  return 0;
}
