// Everything of OpenSSL that Avouch calls: libcrypto, and libssl for connections to Redis and for servers. Small shims
// for what Swift cannot import (macros, variadic functions); each says why it exists.
#ifndef AVOUCH_COPENSSL_SHIM_H
#define AVOUCH_COPENSSL_SHIM_H

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/tls1.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// XN_FLAG_RFC2253 is made of casts, which Swift cannot import. Characters beyond ASCII stay readable.
static inline unsigned long avouch_name_flags(void) { return XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB; }

// The SHA256_* calls that take pieces are deprecated, and an EVP context per call costs more than the hash. One
// context per thread does not.
static inline int avouch_sha256_of_two(const unsigned char *first, size_t first_count, const unsigned char *second,
                                       size_t second_count, unsigned char *digest) {
  static __thread EVP_MD_CTX *context = NULL;
  if (context == NULL) {
    context = EVP_MD_CTX_new();
    if (context == NULL || EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) return 0;
  } else if (EVP_DigestInit_ex(context, NULL, NULL) != 1) {
    return 0;
  }
  return EVP_DigestUpdate(context, first, first_count) == 1 &&
         (second_count == 0 || EVP_DigestUpdate(context, second, second_count) == 1) &&
         EVP_DigestFinal_ex(context, digest, NULL) == 1;
}

// A library context of the calling thread's own, made once: in a shared one every signature takes locks and counts
// references that all threads take, to get at its random numbers. Swift has no thread-local variables.
static inline OSSL_LIB_CTX *avouch_thread_library(void) {
  static __thread OSSL_LIB_CTX *library = NULL;
  if (library == NULL) library = OSSL_LIB_CTX_new();
  return library;
}

// The same private key in another library context, by way of its DER, which is wiped.
static inline EVP_PKEY *avouch_key_in(OSSL_LIB_CTX *library, EVP_PKEY *key) {
  unsigned char *octets = NULL;
  int count = i2d_PrivateKey(key, &octets);
  if (count <= 0) return NULL;
  const unsigned char *cursor = octets;
  EVP_PKEY *copy = d2i_AutoPrivateKey_ex(NULL, &cursor, count, library, NULL);
  OPENSSL_clear_free(octets, (size_t)count);
  return copy;
}

// X509_ALGOR's type name clashes between the macro-made declarations Swift sees; as an opaque pointer it does not.
static inline void *avouch_d2i_algorithm(const unsigned char **cursor, long count) {
  return d2i_X509_ALGOR(NULL, cursor, count);
}
static inline void avouch_free_algorithm(void *algorithm) { X509_ALGOR_free((X509_ALGOR *)algorithm); }

// ASN1_item_verify takes a parsed structure and encodes it again. An ASN1_TYPE keeps a SEQUENCE's octets as they
// were, so this checks a signature over raw octets with all of OpenSSL's algorithms, PSS parameters included.
// ASN1_ITEM_rptr is a macro, which Swift cannot import.
static inline int avouch_verify_raw(void *algorithm, const unsigned char *message, long count,
                                    const unsigned char *signature, int signature_count, EVP_PKEY *key) {
  const unsigned char *cursor = message;
  ASN1_TYPE *sequence = d2i_ASN1_TYPE(NULL, &cursor, count);
  if (sequence == NULL) return 0;
  if (cursor != message + count || ASN1_TYPE_get(sequence) != V_ASN1_SEQUENCE) {
    ASN1_TYPE_free(sequence);
    return 0;
  }
  ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
  int ok = 0;
  if (bits != NULL && ASN1_BIT_STRING_set(bits, (unsigned char *)signature, signature_count) == 1) {
    // Whole octets: without the flag OpenSSL would count trailing zero bits away.
    bits->flags = (bits->flags & ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07)) | ASN1_STRING_FLAG_BITS_LEFT;
    ok = ASN1_item_verify(ASN1_ITEM_rptr(ASN1_ANY), (X509_ALGOR *)algorithm, bits, sequence, key);
  }
  ASN1_BIT_STRING_free(bits);
  ASN1_TYPE_free(sequence);
  return ok;
}

// The same without ASN1_item_verify's two copies of the message, which for a CRL are large: 1 valid, 0 not, -1 for an
// algorithm that does not name its hash (PSS, Ed25519), which the function above knows how to take apart.
static inline int avouch_verify_in_place(void *algorithm, const unsigned char *message, size_t count,
                                         const unsigned char *signature, size_t signature_count, EVP_PKEY *key) {
  const ASN1_OBJECT *object = NULL;
  int hash = NID_undef, kind = NID_undef;
  X509_ALGOR_get0(&object, NULL, NULL, (X509_ALGOR *)algorithm);
  if (!OBJ_find_sigid_algs(OBJ_obj2nid(object), &hash, &kind)) return 0;
  if (hash == NID_undef) return -1;
  if (EVP_PKEY_type(kind) != EVP_PKEY_get_base_id(key)) return 0;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  int ok = context != NULL && EVP_DigestVerifyInit(context, NULL, EVP_get_digestbynid(hash), NULL, key) == 1 &&
           EVP_DigestVerify(context, signature, signature_count, message, count) == 1;
  EVP_MD_CTX_free(context);
  return ok;
}

// The X509V3_CTX that extensions such as authorityKeyIdentifier need is a struct on the caller's stack, half macros.
static inline int avouch_add_extension(X509 *certificate, X509 *issuer, const char *name, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_nconf(NULL, &context, name, value);
  if (extension == NULL) return 0;
  int ok = X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  return ok;
}

// A request's extensions are a STACK_OF, which Swift sees only as macros; the context is the one above, for a request.
static inline int avouch_set_request_extensions(X509_REQ *request, const char *const *names, const char *const *values,
                                                int count) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, NULL, NULL, request, NULL, 0);
  STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();
  int ok = extensions != NULL;
  for (int i = 0; ok && i < count; i++) {
    X509_EXTENSION *extension = X509V3_EXT_nconf(NULL, &context, names[i], values[i]);
    ok = extension != NULL && sk_X509_EXTENSION_push(extensions, extension) > 0;
    if (!ok) X509_EXTENSION_free(extension);
  }
  ok = ok && X509_REQ_add_extensions(request, extensions) == 1;
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  return ok;
}

// X509_ALGOR again, and a BIT STRING of whole octets, as in avouch_verify_raw.
static inline int avouch_set_request_algorithm(X509_REQ *request, void *algorithm) {
  return X509_REQ_set1_signature_algo(request, (X509_ALGOR *)algorithm);
}
static inline int avouch_set_request_signature(X509_REQ *request, const unsigned char *signature, int count) {
  ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
  if (bits == NULL || ASN1_BIT_STRING_set(bits, (unsigned char *)signature, count) != 1) {
    ASN1_BIT_STRING_free(bits);
    return 0;
  }
  bits->flags = (bits->flags & ~(ASN1_STRING_FLAG_BITS_LEFT | 0x07)) | ASN1_STRING_FLAG_BITS_LEFT;
  X509_REQ_set0_signature(request, bits);
  return 1;
}

// How many purposes the extended key usage lists, known ones or not; 0 where there is none. The stack's functions are
// macros over casts, which Swift cannot import.
static inline int avouch_extended_key_usage_count(const X509 *certificate) {
  EXTENDED_KEY_USAGE *usages = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
  int count = usages == NULL ? 0 : sk_ASN1_OBJECT_num(usages);
  sk_ASN1_OBJECT_pop_free(usages, ASN1_OBJECT_free);
  return count;
}

// Whether the authorityInfoAccess names an OCSP responder. The stack of texts has macros, too.
static inline int avouch_names_ocsp_responder(X509 *certificate) {
  STACK_OF(OPENSSL_STRING) *addresses = X509_get1_ocsp(certificate);
  int count = addresses == NULL ? 0 : sk_OPENSSL_STRING_num(addresses);
  X509_email_free(addresses);
  return count > 0;
}

// EVP_EC_gen, EVP_RSA_gen and EVP_PKEY_Q_keygen are variadic or macros over variadic functions.
static inline EVP_PKEY *avouch_generate_ec_key(const char *curve) { return EVP_EC_gen(curve); }
static inline EVP_PKEY *avouch_generate_rsa_key(unsigned int bits) { return EVP_RSA_gen(bits); }
static inline EVP_PKEY *avouch_generate_ed25519_key(void) { return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); }

// The SSL_OP_* are casts, which Swift cannot import. A peer that renegotiates could make a write wait for a read.
static inline void avouch_refuse_renegotiation(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
}

// What is chosen must outlive the call, which a constant of C does. A client that knows no http/1.1 is told so: it
// would take the answer for something else (RFC 7301 3.2).
static inline int avouch_choose_http1(SSL *session, const unsigned char **chosen, unsigned char *chosen_count,
                                      const unsigned char *offered, unsigned int offered_count, void *context) {
  static const unsigned char known[] = "\x08http/1.1";
  (void)session;
  (void)context;
  return SSL_select_next_proto((unsigned char **)chosen, chosen_count, known, sizeof known - 1, offered,
                               offered_count) == OPENSSL_NPN_NEGOTIATED
             ? SSL_TLSEXT_ERR_OK
             : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// What a server's sessions have besides (macros over SSL_CTX_ctrl): they are small. Tickets hold what a client wants to
// go on with, so that nothing is kept here for it, and a connection that is idle has no buffers.
static inline void avouch_prepare_server(SSL_CTX *context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context, avouch_choose_http1, NULL);
}

// A ticket would let a client in whose certificate has ended meanwhile: each shows it each time. An authority's
// certificate vouches for clients also where another has signed it and is not there.
static inline void avouch_check_every_client(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(context, 0);
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
}

#endif
