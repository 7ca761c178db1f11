/* json_out.c -- see json_out.h. */
#include "json_out.h"

#include <string.h>

#include "cli.h"

/* Length of the UTF-8 sequence at p, 0 when it is none. */
static size_t utf8(const unsigned char *p, size_t n)
{
    size_t len = p[0] < 0x80                    ? 1
                 : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
                 : (p[0] & 0xf0) == 0xe0        ? 3
                 : p[0] >= 0xf0 && p[0] <= 0xf4 ? 4
                                                : 0;
    if (len > n)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool outside = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
    return overlong || outside ? 0 : len;
}

void json_out(FILE *out, const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;
    fputc('"', out);
    for (size_t i = 0; i < n;) {
        size_t len = utf8(u + i, n - i);
        if (len == 0) {
            fputs("\\ufffd", out);
            i++;
        } else if (len > 1 && cli_printable(u + i, n - i) == 0) { /* all of them are below U+10000 */
            fprintf(out, "\\u%04x",
                    len == 2 ? (u[i] & 0x1fu) << 6 | (u[i + 1] & 0x3fu)
                             : (u[i] & 0xfu) << 12 | (u[i + 1] & 0x3fu) << 6 | (u[i + 2] & 0x3fu));
            i += len;
        } else if (len > 1) {
            fwrite(u + i, 1, len, out);
            i += len;
        } else {
            if (u[i] == '"' || u[i] == '\\')
                fprintf(out, "\\%c", u[i]);
            else if (u[i] < 0x20 || u[i] == 0x7f)
                fprintf(out, "\\u%04x", u[i]);
            else
                fputc(u[i], out);
            i++;
        }
    }
    fputc('"', out);
}

void json_out_text(FILE *out, const char *s)
{
    json_out(out, s, strlen(s));
}
