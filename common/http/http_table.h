// The table of connections when it fills: who may still come, who makes room, and how long each
// phase of a connection may last.
#ifndef DIALIN_HTTP_TABLE_H
#define DIALIN_HTTP_TABLE_H

#include "http_internal.h"

// A new connection: false refuses it. While the table is over HTTP_CROWDED_PERCENT full, an address
// may have its share of the table only, unless it is exempt.
bool http_table_admits(struct http_server *server, const struct sockaddr *address);

void http_table_enter(struct http_server *server, struct http_connection *connection,
                      const struct sockaddr *address);
// A request has ended: its connection is idle.
void http_table_rest(struct http_server *server, struct http_connection *connection);
void http_table_leave(struct http_server *server, struct http_connection *connection);

// Ends the connections whose phase has lasted too long.
void http_table_end_late(struct http_server *server);

#endif
