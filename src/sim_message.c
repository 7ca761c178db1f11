#include "sim_message.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sim_message_utf8(const char *bytes, size_t n)
{
    const unsigned char *p = (const unsigned char *)bytes, *end = p + n;
    while (p < end) {
        unsigned c = *p++;
        if (c < 0x80)
            continue;
        if (c < 0xC2 || c > 0xF4)
            return false;
        unsigned more = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
        if ((size_t)(end - p) < more)
            return false;
        /* overlong forms, surrogates and what lies beyond U+10FFFF show in the second byte */
        unsigned low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80, high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
        if (*p < low || *p > high)
            return false;
        for (p++; more > 1; more--, p++)
            if ((*p & 0xC0) != 0x80)
                return false;
    }
    return true;
}

bool sim_message_address(const char *s)
{
    if (strlen(s) != 4)
        return false;
    const char *p = s, *end = s + 4;
    while (p < end && isspace((unsigned char)*p))
        p++;
    while (end > p && isspace((unsigned char)end[-1]))
        end--;
    if (p < end && (*p == '+' || *p == '-'))
        p++;
    if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
        p += 2;
        if (*p == '_')
            p++;
    }
    bool digit = false;
    for (; p < end; p++) {
        if (*p == '_' ? !digit : !isxdigit((unsigned char)*p))
            return false;
        digit = *p != '_';
    }
    return digit;
}

/* A required string field, or NULL with the reason in *why. */
static const char *need_string(const json_t *root, const char *key, const char **why, char what[96])
{
    const json_t *v = json_object_get(root, key);
    if (*why)
        return NULL;
    if (!v) {
        *why = "missing_field";
        snprintf(what, 96, "no %s", key);
    } else if (!json_is_string(v)) {
        *why = "bad_type";
        snprintf(what, 96, "%s is not a string", key);
    }
    return *why ? NULL : json_string_value(v);
}

static const char *need_address(const json_t *root, const char *key, const char **why, char what[96])
{
    const char *s = need_string(root, key, why, what);
    if (s && !sim_message_address(s)) {
        *why = "bad_value";
        snprintf(what, 96, "%s is not four hex digits", key);
    }
    return s;
}

static bool peek(const json_t *root, const char *key, int64_t *out)
{
    const json_t *v = json_object_get(root, key);
    if (!json_is_integer(v))
        return false;
    *out = json_integer_value(v);
    return true;
}

static enum sim_type type_of(const char *ty)
{
    static const char *const names[] = {
        [SIM_HELLO] = "hello", [SIM_OK] = "ok", [SIM_REDIRECT] = "redirect", [SIM_FAIL] = "fail"};
    for (int i = 0; i < SIM_OTHER; i++)
        if (strcmp(ty, names[i]) == 0)
            return (enum sim_type)i;
    return SIM_OTHER;
}

static void read_value(const json_t *value, struct sim_message *m)
{
    m->value_is_text = json_is_string(value);
    if (!m->value_is_text && value)
        m->owned = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    m->value = m->value_is_text ? json_string_value(value) : m->owned;
}

void sim_message_clear(struct sim_message *m)
{
    memset(m, 0, offsetof(struct sim_message, text));
}

const char *sim_message_parse(const char *bytes, size_t n, struct sim_message *m, char what[96])
{
    what[0] = '\0';
    if (!sim_message_scan(bytes, n, m) || !sim_message_address(m->src) || !sim_message_address(m->dst) ||
        !sim_message_address(m->leader))
        return sim_message_parse_whole(bytes, n, m, what);
    m->type = type_of(m->ty);
    return NULL;
}

const char *sim_message_parse_whole(const char *bytes, size_t n, struct sim_message *m, char what[96])
{
    sim_message_clear(m);
    what[0] = '\0';
    if (n == 0)
        return "empty";
    if (!sim_message_utf8(bytes, n)) {
        snprintf(what, 96, "not UTF-8");
        return "not_json";
    }
    if (memchr(bytes, '\0', n)) { /* jansson reads over one behind a number */
        snprintf(what, 96, "a NUL byte");
        return "not_json";
    }
    json_error_t je;
    json_t *root = json_loadb(bytes, n, JSON_ALLOW_NUL | JSON_DECODE_ANY, &je);
    if (!root) /* integers beyond 64 bits are legal JSON */
        root = json_loadb(bytes, n, JSON_ALLOW_NUL | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, &je);
    if (!root) {
        snprintf(what, 96, "%.95s", je.text);
        return "not_json";
    }
    const char *why = NULL;
    if (!json_is_object(root))
        why = "not_object";
    m->src = need_address(root, "src", &why, what);
    m->dst = need_address(root, "dst", &why, what);
    m->leader = need_address(root, "leader", &why, what);
    m->ty = need_string(root, "type", &why, what);
    if (why) {
        json_decref(root);
        sim_message_clear(m);
        return why;
    }
    m->type = type_of(m->ty);
    m->mid = json_string_value(json_object_get(root, "MID"));
    read_value(json_object_get(root, "value"), m);
    m->has_term = peek(root, "term", &m->term);
    m->has_lc = peek(root, "lc", &m->lc) && m->lc >= 0;
    m->root = root;
    return NULL;
}

void sim_message_free(struct sim_message *m)
{
    json_decref(m->root);
    free(m->owned);
    sim_message_clear(m);
}
