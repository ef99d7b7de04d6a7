// What Swift has no word for: asks for a line of memory ahead of its use.
#ifndef AVOUCH_CPREFETCH_SHIM_H
#define AVOUCH_CPREFETCH_SHIM_H

// Reads nothing: any address will do, and other threads may be writing there.
static inline void avouch_prefetch(const void *address) { __builtin_prefetch(address); }

// The same for memory that will be written: other processors give the line up at once, and not when it is written.
#ifdef __x86_64__
// A processor that does not know the instruction does nothing, but the compiler asks to be told that it may be used.
__attribute__((target("prfchw")))
#endif
static inline void avouch_prefetch_to_write(const void *address) { __builtin_prefetch(address, 1); }

#endif
