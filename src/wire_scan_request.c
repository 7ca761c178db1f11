/* wire_scan_request.c -- for the scanner: get and put as any JSON library writes them, that is one object of strings,
 * in any order and with any white space. */
#include "wire_int.h"

enum { SRC, DST, LEADER, TYPE, REQUEST_MID, KEY, VALUE, FIELDS };
static const char *const names[FIELDS] = {"src", "dst", "leader", "type", "MID", "key", "value"};

static char *past_space(char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
        p++;
    return p;
}

/* A string and the white space around it. */
static char *spaced_string(char **at, size_t *n)
{
    *at = past_space(*at);
    char *s = wire_scan_string(at, n);
    *at = past_space(*at);
    return s;
}

static unsigned field_of(const char *name)
{
    unsigned i = 0;
    while (i < FIELDS && strcmp(names[i], name) != 0)
        i++;
    return i;
}

/* Fills in the fields by their names; those that are missing stay NULL. A field that is unknown or there twice is the
 * reference's to judge. `at` is behind the opening brace. */
static bool scan_fields(char *at, const char *end, char *field[FIELDS], size_t length[FIELDS])
{
    for (;;) {
        size_t n;
        char *name = spaced_string(&at, &n);
        unsigned i = name && *at++ == ':' ? field_of(name) : FIELDS;
        if (i == FIELDS || field[i] || !(field[i] = spaced_string(&at, &length[i])))
            return false;
        char c = *at++;
        if (c == '}')
            return past_space(at) == end;
        if (c != ',')
            return false;
    }
}

bool wire_scan_request(char *text, const char *end, struct message *m)
{
    char *field[FIELDS] = {0};
    size_t length[FIELDS] = {0};
    text = past_space(text);
    if (*text != '{' || !scan_fields(text + 1, end, field, length))
        return false;
    for (unsigned i = 0; i < VALUE; i++)
        if (!field[i])
            return false;
    if (strcmp(field[TYPE], "put") == 0 && field[VALUE])
        m->type = MESSAGE_PUT;
    else if (strcmp(field[TYPE], "get") == 0)
        m->type = MESSAGE_GET;
    else
        return false;
    size_t n_mid = length[REQUEST_MID];
    if (!wire_node_parse(field[SRC], &m->src) || m->src == NODE_NONE || !wire_node_parse(field[DST], &m->dst) ||
        !wire_node_parse(field[LEADER], &m->leader) || n_mid == 0 || n_mid > MID_MAX)
        return false;
    memcpy(m->mid, field[REQUEST_MID], n_mid + 1);
    m->key = field[KEY];
    m->value = m->type == MESSAGE_PUT ? field[VALUE] : NULL;
    return true;
}
