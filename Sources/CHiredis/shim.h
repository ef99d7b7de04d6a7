// hiredis as a codec alone: the reader of replies and the encoder of commands. Its own connections are never used.
#ifndef AVOUCH_CHIREDIS_SHIM_H
#define AVOUCH_CHIREDIS_SHIM_H

#include <hiredis/hiredis.h>

#endif
