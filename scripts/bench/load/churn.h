// Connections that are made only to be closed again: the side that connects, and the side that
// accepts.
#pragma once

#include "channel.h"
#include "exchange.h"

// Each of `connections` connects, says that it has nothing to send, waits until the other side
// closes, and begins anew; for so long. An operation is one connection.
Counted connect_and_close(const Address& address, int connections, double seconds);

// Accepts on a port of every address of the loopback network, which it prints as "open PORT", and
// closes what the other side closes, until standard input ends. Sleeps only while there has been
// nothing to do for a while.
void accept_and_close();
