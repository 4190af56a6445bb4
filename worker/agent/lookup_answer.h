// The answer of a route's lookup, and its effect on the call's place and request (CONTRACT,
// "lookup"). Pure.
#ifndef DIALIN_LOOKUP_ANSWER_H
#define DIALIN_LOOKUP_ANSWER_H

#include "route_place.h"

// Members of the answer; those that it leaves out are NULL, false or 0. Texts point into the
// document.
struct lookup_answer {
    char *text; // owned, and the document points into it; NULL: there is no answer
    struct json_document document;     // whole
    struct json_document *body, *room; // merged over the route's, owned; NULL: the route's alone
    struct bytes body_text, room_text;
    const char *agent, *route, *why;
    bool is_declined, has_priority;
    uint64_t priority_s;
};

// Reads the body of a 200. Returns NULL, or a sentence why it cannot be used; then nothing is kept.
// An empty text (204) is an answer that adds nothing.
const char *lookup_answer_read(struct lookup_answer *answer, struct bytes_view text);
void lookup_answer_release(struct lookup_answer *answer);

// Sends the call where the answer says. Returns false if it names an agent or a route that there
// is not: then the place stays.
bool lookup_answer_place(const struct lookup_answer *answer, const struct routing *routing,
                         struct route_place *place);

// If there is an answer, makes `body` and `room` of the answer's and the rule's: whole members, the
// answer's first, one level deep; dialin_settings and sip two.
void lookup_answer_merge(struct lookup_answer *answer, const struct route_rule *rule);

#endif
