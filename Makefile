# Faultline: `make help` lists the targets. Needs a C11 compiler, pkg-config, jansson, SQLite, libsodium, zlib, libzstd and cmocka;
# `make demo` and `make test` install what is missing first (Debian packages).
.DEFAULT_GOAL := all
SHELL := /bin/bash

B       ?= build
CC      ?= cc
OPT     ?= -O2 -g
SAN     ?=
V       ?= 0
JOBS    ?= $(shell nproc)
PREFIX  ?= /usr/local
DESTDIR ?=

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wswitch-enum -Wstrict-prototypes -Wmissing-prototypes \
        -Wvla -Wformat=2 -Wundef -Wwrite-strings -Werror
Q := $(if $(filter 1,$(strip $(V))),,@)
say = $(if $(Q),@printf '  %-4s %s\n' $(1) $(2))

VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

# pkg-config may not be installed yet when `make test` starts: ask only when compiling.
PC_CFLAGS = $(shell pkg-config --cflags jansson sqlite3 libsodium zlib libzstd cmocka 2>/dev/null)
PC_LIBS   = -Wl,--as-needed $(shell pkg-config --libs jansson sqlite3 libsodium zlib libzstd 2>/dev/null) -lm
CFLAGS_ALL = -std=c11 -D_GNU_SOURCE $(OPT) $(SAN) $(WARN) -Itrace -MMD -MP $(CFLAGS)

CORE_SRC   := $(wildcard src/raft*.c src/kv*.c) src/rng.c
SIM_SRC    := $(filter-out src/sim_main.c,$(wildcard src/sim_*.c))
SHELL_SRC  := $(filter-out $(CORE_SRC) $(SIM_SRC) src/sim_main.c src/replica_main.c src/client_main.c,$(wildcard src/*.c))
TRACE_SRC  := $(wildcard trace/*.c)
ANALYZE_SRC := $(filter-out analyze/main.c,$(wildcard analyze/*.c))
EMBED      := $(sort $(wildcard analyze/*.sql analyze/checks/*.sql analyze/report/*))
TEST_SRC   := $(wildcard tests/test_*.c)
SUPPORT_SRC := $(wildcard tests/support/*.c)
BENCH_SRC  := $(wildcard tests/bench/bench_*.c)
BENCH_LIB  := $(filter-out $(BENCH_SRC),$(wildcard tests/bench/*.c))
FUZZ_SRC   := $(wildcard tests/fuzz/*_fuzzer.c)
SCRIPTS    := $(wildcard tests/*.sh)

SANITIZED = B=$(B)/san OPT='-O1 -g -fno-omit-frame-pointer' SAN='-fsanitize=address,undefined -fno-sanitize-recover=all'

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
PROGRAMS := $(B)/replica $(B)/kv $(B)/simulate $(B)/analyze
TESTS := $(patsubst tests/%.c,$(B)/tests/%,$(TEST_SRC))
BENCHES := $(patsubst tests/bench/%.c,$(B)/bench/%,$(BENCH_SRC))

.PHONY: all demo test zoo test-formats test-report bench course sanitize determinism purity install uninstall clean help deps check-tests tests FORCE
.SECONDARY:

all: $(PROGRAMS) $(B)/libtrace.a 3700kvstore ## build everything

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

3700kvstore: $(B)/replica
	@ln -sfn $< $@

# ---- libraries and programs ----

$(B)/libtrace.a: $(call obj,$(TRACE_SRC))
$(B)/core.a:     $(call obj,$(CORE_SRC))
$(B)/shell.a:    $(call obj,$(SHELL_SRC))
$(B)/sim.a:      $(call obj,$(SIM_SRC))
$(B)/analyze.a:  $(call obj,$(ANALYZE_SRC)) $(B)/gen/embedded.o
$(B)/support.a:  $(call obj,$(SUPPORT_SRC))
$(B)/bench.a:    $(call obj,$(BENCH_LIB))
$(B)/%.a:
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^

$(B)/replica: $(B)/obj/src/replica_main.o $(B)/shell.a $(B)/core.a $(B)/libtrace.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(PC_LIBS)
$(B)/kv: $(B)/obj/src/client_main.o $(B)/shell.a $(B)/core.a $(B)/libtrace.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(PC_LIBS)
$(B)/simulate: $(B)/obj/src/sim_main.o $(B)/sim.a $(B)/shell.a $(B)/core.a $(B)/libtrace.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(PC_LIBS)
$(B)/analyze: $(B)/obj/analyze/main.o $(B)/analyze.a $(B)/libtrace.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(PC_LIBS)

# A change of flags, compiler or version rebuilds: objects depend on the line that made them.
$(B)/flags: FORCE
	@mkdir -p $(B); echo '$(CC) $(CFLAGS_ALL)' | cmp -s - $@ || echo '$(CC) $(CFLAGS_ALL)' >$@
$(B)/version: FORCE
	@mkdir -p $(B); echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' >$@
MAINS := analyze/main.c analyze/version.c src/sim_main.c src/replica_main.c src/client_main.c
$(call obj,$(MAINS)): $(B)/version

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) $(if $(filter $(MAINS),$<),-DFAULTLINE_VERSION='"$(VERSION)"') $(PC_CFLAGS) -c -o $@ $<

# The SQL of the analyzer and the page of its report, as C: names sorted, bytes as numbers (no limit on string lengths that way).
$(B)/gen/embedded.c: $(EMBED) Makefile
	@mkdir -p $(@D)
	@{ echo '#include "embedded.h"'; i=0; \
	  for f in $(EMBED); do echo "static const unsigned char f$$i[] = {"; od -An -v -tu1 "$$f" | sed 's/  */,/g;s/^,//;s/$$/,/'; echo '0};'; i=$$((i+1)); done; \
	  echo 'const struct embedded_file embedded_files[] = {'; i=0; \
	  for f in $(EMBED); do echo "{\"$${f#analyze/}\", f$$i, sizeof f$$i - 1},"; i=$$((i+1)); done; echo '};'; \
	  echo 'const size_t embedded_files_n = sizeof embedded_files / sizeof *embedded_files;'; } >$@
$(B)/gen/embedded.o: $(B)/gen/embedded.c
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -iquote analyze -c -o $@ $<

# ---- tests ----

$(B)/tests/test_%: $(B)/obj/tests/test_%.o $(B)/support.a $(B)/bench.a $(B)/sim.a $(B)/shell.a $(B)/core.a $(B)/analyze.a $(B)/libtrace.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(PC_LIBS) -lcmocka
$(B)/bench/%: $(B)/obj/tests/bench/%.o $(B)/bench.a $(B)/sim.a $(B)/shell.a $(B)/core.a $(B)/analyze.a $(B)/libtrace.a
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(PC_LIBS)

# Fuzz targets are compiled with the tests so that they keep compiling; only `make fuzz` links and runs them.
tests: all $(TESTS) $(call obj,$(FUZZ_SRC))

deps: ## install what is missing to build and test (Debian packages), and say so
	@tests/deps.sh

test: deps ## install what is missing, build, run all tests
	@$(MAKE) --no-print-directory -j$(JOBS) tests
	@$(MAKE) --no-print-directory check-tests

check-tests: tests
	@tests/run.sh $(B) $(TESTS) $(filter tests/test_%.sh,$(SCRIPTS))

demo: deps ## install what is missing, build, and show a lossy run twice: correct, then with a stale read
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tests/demo.sh $(B)

bench: deps ## measure: the replica (etcd, redis beside it where installed), tracing, loading, checking
	@$(MAKE) --no-print-directory -j$(JOBS) all $(BENCHES)
	@tests/bench.sh $(B) $(BENCHES)

course: deps ## measure: the course's scenarios, each N times (N=10; default once), against the best tiers to be had
	@$(MAKE) --no-print-directory -j$(JOBS) all
	@tests/course.sh $(B) $(or $(N),1)

test-report: all ## open reports in chromium: needs chromium, node and npm, and says so where they are missing
	@tests/report.sh $(B)

sanitize: deps ## build and run all tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory $(SANITIZED) -j$(JOBS) tests
	@$(MAKE) --no-print-directory $(SANITIZED) check-tests

test-formats: all ## validate SARIF and JUnit output against published schemas: needs npm and xmllint, and says so where they are missing
	@tests/formats.sh $(B)

zoo: all ## plant each defect of tests/zoo/, and let the analyzer find it: SEEDS=20 at most for each; ONLY="ID..."
	@SEEDS=$(or $(SEEDS),20) CC='$(CC)' tests/zoo.sh $(B) $(ONLY)

FUZZ_SECONDS ?= 60
FUZZERS := $(patsubst tests/fuzz/%.c,$(B)/%,$(FUZZ_SRC))
$(B)/%_fuzzer: $(B)/obj/tests/fuzz/%_fuzzer.o $(B)/support.a $(B)/shell.a $(B)/core.a $(B)/analyze.a $(B)/libtrace.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(SAN) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(PC_LIBS)
fuzzers: $(FUZZERS)

fuzz: ## let libFuzzer attack everything that reads others' bytes, each for FUZZ_SECONDS=60 (needs clang and its runtime libraries)
	@tests/fuzz.sh $(B)/fuzz $(FUZZ_SECONDS) $(notdir $(FUZZERS))

determinism: $(B)/simulate ## same seeds, same bytes: gcc and clang (where they are), with and without optimisation
	@for c in gcc clang; do for o in O0 O2; do command -v $$c >/dev/null || continue; \
	  $(MAKE) --no-print-directory -j$(JOBS) CC=$$c OPT=-$$o B=$(B)/$$c-$$o $(B)/$$c-$$o/simulate || exit 1; done; done
	@tests/determinism.sh $(B)/simulate $$(ls $(B)/{gcc,clang}-O{0,2}/simulate 2>/dev/null)

purity: $(call obj,$(CORE_SRC)) ## prove that the core touches no file, socket, clock, JSON or stdio, and that the walls stand
	@tests/purity.sh $^

# What `make install` puts below DESTDIR/PREFIX, and `make uninstall` removes.
SHARED := share/bash-completion/completions/faultline share/zsh/site-functions/_faultline \
          share/fish/vendor_completions.d/faultline.fish share/faultline/lnav.json share/faultline/trace.schema.json
INSTALLED := $(PROGRAMS:$(B)/%=bin/faultline-%) lib/libfaultline-trace.a lib/pkgconfig/faultline-trace.pc \
          include/faultline/trace.h include/faultline/records.def \
          $(patsubst %,share/man/man1/faultline-%.1,replica kv simulate analyze) share/man/man5/faultline-trace.5 \
          $(patsubst %,share/bash-completion/completions/faultline-%,replica kv simulate analyze) $(SHARED)

install: all ## install programs, library, manuals and completions below DESTDIR/PREFIX
	@analyze/completions.sh $(B) $(B)/completions
	@$(B)/analyze schema --lnav >$(B)/completions/lnav.json
	@$(B)/analyze schema --json-schema >$(B)/completions/trace.schema.json
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,$(sort $(dir $(INSTALLED))))
	for p in replica kv simulate analyze; do install -m 755 $(B)/$$p $(DESTDIR)$(PREFIX)/bin/faultline-$$p; done
	install -m 644 $(B)/libtrace.a $(DESTDIR)$(PREFIX)/lib/libfaultline-trace.a
	install -m 644 trace/trace.h trace/records.def $(DESTDIR)$(PREFIX)/include/faultline
	install -m 644 src/faultline-replica.1 src/faultline-kv.1 src/faultline-simulate.1 analyze/faultline-analyze.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 trace/faultline-trace.5 $(DESTDIR)$(PREFIX)/share/man/man5
	sed 's|@PREFIX@|$(PREFIX)|;s|@VERSION@|$(VERSION)|' trace/faultline-trace.pc.in >$(DESTDIR)$(PREFIX)/lib/pkgconfig/faultline-trace.pc
	install -m 644 $(B)/completions/faultline.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/faultline
	for p in replica kv simulate analyze; do ln -sf faultline $(DESTDIR)$(PREFIX)/share/bash-completion/completions/faultline-$$p; done
	install -m 644 $(B)/completions/_faultline $(DESTDIR)$(PREFIX)/share/zsh/site-functions
	install -m 644 $(B)/completions/faultline.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	install -m 644 $(B)/completions/lnav.json $(B)/completions/trace.schema.json $(DESTDIR)$(PREFIX)/share/faultline

uninstall: ## remove what `make install` has put there
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/,$(INSTALLED))
	rmdir $(DESTDIR)$(PREFIX)/include/faultline $(DESTDIR)$(PREFIX)/share/faultline

clean: ## remove what was built
	rm -rf $(B) 3700kvstore

-include $(shell find $(B) -name '*.d' 2>/dev/null)
