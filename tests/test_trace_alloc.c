/* trace/trace.h: a writer "never allocates after it is open". This binary counts its own allocations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "support/trace_file.h"
#include "support/trace_samples.h"

static volatile size_t allocations; /* volatile: compilers know that malloc does not change it */

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

#ifdef WITH_ASAN
/* AddressSanitizer has replaced malloc already; it offers a hook instead. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static void count_malloc(const volatile void *p, size_t n)
{
    (void)p;
    (void)n;
    allocations++;
}

static void ignore_free(const volatile void *p)
{
    (void)p;
}

static void count_from_now_on(void)
{
    assert_true(__sanitizer_install_malloc_and_free_hooks(count_malloc, ignore_free) != 0);
}
#else
/* glibc's own entries, under which malloc may be replaced ("Replacing malloc" in its manual). */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}

static void count_from_now_on(void)
{
}
#endif

static void writing_a_hundred_thousand_records_allocates_nothing(void **state)
{
    (void)state;
    struct trace_file t;
    enum { RECORDS = 100000 };
    trace_file_open(&t, 1 << 16);
    size_t before = allocations;
    void *volatile one = malloc(1);
    free(one);
    assert_true(allocations > before); /* the counter counts */
    before = allocations;
    trace_file_header(t.w);
    while (trace_seq(t.w) < RECORDS) {
        trace_set_time(t.w, trace_seq(t.w));
        trace_set_state(t.w, &(struct trace_state){.term = trace_seq(t.w), .role = 'L'});
        trace_set_cause(t.w, trace_seq(t.w));
        trace_observe_lc(t.w, trace_lc(t.w) + 1);
        trace_samples_write(
            t.w, true, "a string with \"quotes\" and \xFF, so that nothing takes a short cut; and it is long enough");
        trace_flush(t.w);
    }
    assert_int_equal(allocations, before);
    assert_int_equal(trace_lost(t.w), 0);
    trace_file_remove(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writing_a_hundred_thousand_records_allocates_nothing),
    };
    count_from_now_on();
    return cmocka_run_group_tests_name("trace allocations", tests, NULL, NULL);
}
