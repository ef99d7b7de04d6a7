// p11-kit: loads PKCS#11 modules, parses PKCS#11 URIs, and brings the header of PKCS#11 2.40 with a few things of 3.0.
#ifndef AVOUCH_CP11KIT_SHIM_H
#define AVOUCH_CP11KIT_SHIM_H

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>

// CK_UNAVAILABLE_INFORMATION is a cast, which Swift cannot import.
static inline CK_ULONG avouch_unavailable_information(void) { return CK_UNAVAILABLE_INFORMATION; }

#endif
