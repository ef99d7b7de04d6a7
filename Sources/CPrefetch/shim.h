// What Swift has no word for: asks for a line of memory ahead of its use.
#ifndef AVOUCH_CPREFETCH_SHIM_H
#define AVOUCH_CPREFETCH_SHIM_H

// Reads nothing: any address will do, and other threads may be writing there.
static inline void avouch_prefetch(const void *address) { __builtin_prefetch(address); }

#endif
