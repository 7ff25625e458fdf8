# FedLCM. `make help` lists the targets.
#
# Knobs:
#   FLAVOUR=release|asan   object tree and flags (asan: address + undefined behaviour sanitizers)
#   CC=gcc|clang           both build it
#   WERROR=                empty for packaging builds
FLAVOUR ?= release
WERROR  ?= -Werror
B       := build/$(FLAVOUR)
GEN     := build/gen
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

LIBS    := libpq json-c libcurl yaml-0.1 openssl libcrypt libarchive zlib
PKGC    := $(shell pkg-config --cflags $(LIBS) 2>/dev/null)
PKGL    := $(shell pkg-config --libs $(LIBS) 2>/dev/null)
WARN    := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wundef -Wvla -Wwrite-strings \
           -Wpointer-arith -Wimplicit-fallthrough -Wswitch-enum -Wno-missing-field-initializers -Wno-unused-parameter $(WERROR)
HARDEN  := -fstack-protector-strong -fno-common -fno-delete-null-pointer-checks -fPIE
LDHARD  := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed
ifeq ($(FLAVOUR),asan)
# gcc warns of memory "used uninitialized" where the instrumented code only passes its address
OPT     := -Og -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DFEDLCM_ASAN -Wno-maybe-uninitialized
else
OPT     := -O2 -g -D_FORTIFY_SOURCE=3 -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
endif
CFLAGS  += -std=gnu17 -D_GNU_SOURCE -DOPENSSL_NO_DEPRECATED -DOPENSSL_API_COMPAT=30000 $(OPT) $(WARN) $(HARDEN) -MMD -MP \
           -Ifcgi -I$(GEN) $(PKGC)
LDLIBS  := -lfcgi $(PKGL) -lm
BANNED  := -include base/banned.h
# Programs of tests: made quickly rather than well.
QUICKLY := -O1 -g1 $(if $(shell command -v ld.gold),-fuse-ld=gold)

LAYERS  := base codec crypt db net kube kubefate stepca model deploy web pages api
READERS := base codec crypt net kube kubefate # what reads foreign text, for the fuzzers
LIBSRC  := $(foreach l,$(LAYERS),$(wildcard fcgi/$(l)/*.c))
LIBOBJ  := $(LIBSRC:fcgi/%.c=$(B)/%.o)
MAINS   := fedlcm fedlcm_web fedlcm_poller fedlcm_run
MAINOBJ := $(patsubst fcgi/%.c,$(B)/%.o,$(filter-out $(MAINS:%=fcgi/main/%.c),$(wildcard fcgi/main/*.c)))
BINS    := $(foreach m,$(MAINS),$(if $(wildcard fcgi/main/$(m).c),$(B)/bin/$(subst _,-,$(m))))
TEXTS   := $(sort $(wildcard templates/text/*.txt))
TMPLS   := $(sort $(wildcard templates/*.html templates/*/*.html))
TMPLC   := $(patsubst templates/%.html,$(GEN)/tmpl/%.c,$(TMPLS))
GENC    := $(GEN)/text_keys.c $(GEN)/migrations.c $(GEN)/assets.c $(TMPLC)
GENOBJ  := $(GENC:$(GEN)/%.c=$(B)/gen/%.o)
UNIT    := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/test_*.c))
FUZZ    := $(patsubst tests/fuzz/fuzz_%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))

.PHONY: all help
all: $(BINS) ## build everything
help: ## list targets
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 18
.DELETE_ON_ERROR:
.SECONDARY:

# --- generated sources -------------------------------------------------------------------------------------------------------
build/tools/%: fcgi/tools/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE -O1 -g -Wall -Wextra -o $@ $<
$(GEN)/text_keys.c: build/tools/textc $(TEXTS)
	@mkdir -p $(@D)
	@build/tools/textc $(GEN)/text_keys.h $@ $(TEXTS)
$(GEN)/text_keys.h: $(GEN)/text_keys.c ;
$(GEN)/tmpl/%.c: templates/%.html build/tools/tmplc
	@mkdir -p $(@D)
	@build/tools/tmplc $< $@
$(GEN)/migrations.c: build/tools/embed $(sort $(wildcard sql/[0-9]*.sql))
	@mkdir -p $(@D)
	@build/tools/embed migrations $@ $(sort $(wildcard sql/[0-9]*.sql))
$(GEN)/assets.c: build/tools/embed $(sort $(wildcard static/*))
	@mkdir -p $(@D)
	@build/tools/embed assets $@ build/static $(sort $(wildcard static/*))

# --- objects and programs ----------------------------------------------------------------------------------------------------
$(B)/%.o: fcgi/%.c | $(GEN)/text_keys.h $(TMPLC)
	@mkdir -p $(@D)
	@echo '  CC $<'
	@$(CC) $(CFLAGS) $(BANNED) -DFEDLCM_VERSION='"$(VERSION)"' -c -o $@ $<
$(B)/gen/%.o: $(GEN)/%.c | $(GEN)/text_keys.h $(TMPLC)
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) $(BANNED) -Wno-unused-variable -Wno-shadow -c -o $@ $<
$(B)/libfedlcm.a: $(LIBOBJ) $(GENOBJ)
	@rm -f $@
	@ar rcs $@ $^
$(B)/libmain.a: $(MAINOBJ)
	@rm -f $@
	@ar rcs $@ $^
$(B)/libreaders.a: $(filter $(READERS:%=$(B)/%/%),$(LIBOBJ)) $(B)/gen/text_keys.o
	@rm -f $@
	@ar rcs $@ $^
$(B)/bin/fedlcm: $(B)/main/fedlcm.o $(B)/libmain.a $(B)/libfedlcm.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(CFLAGS) $(LDHARD) -o $@ $< -Wl,--start-group $(B)/libmain.a $(B)/libfedlcm.a -Wl,--end-group $(LDLIBS)
$(B)/bin/fedlcm-%: $(B)/main/fedlcm_%.o $(B)/libmain.a $(B)/libfedlcm.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(CFLAGS) $(LDHARD) -o $@ $< -Wl,--start-group $(B)/libmain.a $(B)/libfedlcm.a -Wl,--end-group $(LDLIBS)
$(B)/unit/%: tests/unit/%.c $(B)/libmain.a $(B)/libfedlcm.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(CFLAGS) $(QUICKLY) -Itests/unit $(LDHARD) -o $@ $< -Wl,--start-group $(B)/libmain.a $(B)/libfedlcm.a -Wl,--end-group $(LDLIBS) -lcmocka
$(B)/client/test_client: tests/client/test_client.c $(B)/libfedlcm.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(CFLAGS) $(QUICKLY) $(BANNED) $(LDHARD) -o $@ $< $(B)/libfedlcm.a $(LDLIBS)
$(B)/fuzz/%: tests/fuzz/fuzz_%.c tests/fuzz/runner.c $(B)/libreaders.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(CFLAGS) $(QUICKLY) $(BANNED) $(LDHARD) -MF $@.d -o $@ $< tests/fuzz/runner.c $(B)/libreaders.a $(LDLIBS)
$(B)/bench/%: tests/bench/%.c $(B)/libmain.a $(B)/libfedlcm.a
	@mkdir -p $(@D)
	@$(CC) $(CFLAGS) -Itests/unit $(LDHARD) -o $@ $< -Wl,--start-group $(B)/libmain.a $(B)/libfedlcm.a -Wl,--end-group $(LDLIBS) -lcmocka

-include $(shell find build/$(FLAVOUR) -name '*.d' 2>/dev/null)

# --- running it --------------------------------------------------------------------------------------------------------------
# Settings may stand in the environment or on the command line: make run FEDLCM_PORT=9090 (README lists them).
CORES := $(shell nproc 2>/dev/null || echo 2)
RUN  := $(B)/bin/fedlcm-run
BUILT = @test -x $(RUN) || { echo 'FedLCM is not built here, so nothing runs. Start it: make run'; exit 0; };
.PHONY: packages run stop status reset
packages: ## install the Debian packages that are missing, also those of tests and checks
	@sh conf/install-packages.sh conf/packages-test.txt
# Two makes: on a bare machine pkg-config answers only after the packages are there.
run: ## install what is missing, build, start everything privately, print the address
	@sh conf/install-packages.sh
	@$(MAKE) --no-print-directory -j$(CORES) all
	@exec $(RUN) run
stop: ## stop what `make run` started
	$(BUILT) $(RUN) stop
status: ## is it running, where, as which processes
	$(BUILT) $(RUN) status || test $$? = 3
reset: ## delete database, keys and logs of `make run` (asks)
	$(BUILT) $(RUN) reset

# A demonstration without Kubernetes: the same programs, two simulated clusters, a page that explains them (tests/demo/README.md).
DEMO  := STACK_BIN=$(B)/bin exec python3 -B tests/demo/demo.py
# Only the command line counts here: an environment may well have a NODE of its own.
BREAK := $(strip $(foreach v,IMAGE NODE API CLUSTER,$(if $(findstring command,$(origin $(v))),$(v))))
PYTHON = @command -v python3 >/dev/null || { echo 'python3 is not here, so no demonstration runs. Start one: make demo'; exit 1; };
.PHONY: demo demo-stop demo-break demo-mend
demo: ## `make run` beside two simulated clusters: needs no Kubernetes
	@sh conf/install-packages.sh conf/packages-demo.txt
	@$(MAKE) --no-print-directory -j$(CORES) all
	@$(DEMO) up
demo-stop: ## stop what `make demo` started
	$(PYTHON) $(DEMO) stop
demo-break: ## break the demonstration: IMAGE=mysql, NODE=lab-b or API=down [CLUSTER=lab-a]
	$(PYTHON) $(DEMO) break $(BREAK)
demo-mend: ## undo all that `make demo-break` did
	$(PYTHON) $(DEMO) mend

.PHONY: clean
clean: ## remove build results (state under var/ and var-demo/ stays)
	rm -rf build

# --- tests and checks --------------------------------------------------------------------------------------------------------
.PHONY: unit fuzzers programs asan check quick test long chaos bench scale pictures
fuzzers: $(FUZZ)
# All that the layers of `make test` run.
programs: $(BINS) $(UNIT) $(B)/client/test_client build/scale/responder build/tools/layercheck
unit: $(UNIT)
	@FLAVOUR=$(FLAVOUR) bash tests/lib/unit.sh
asan: ## build with sanitizers; unit tests, and the HTTP layer on a whole product of instrumented programs
	@sh conf/install-packages.sh conf/packages-test.txt
	@exec python3 -B tests/all.py asan-unit asan-http
check: ## layer direction, banned functions, warnings, static analysis, shellcheck, nginx -t
	@sh conf/install-packages.sh conf/packages-test.txt
	@$(MAKE) --no-print-directory -j$(CORES) programs
	@bash tests/run/check.sh
test: ## run all tests, side by side (JOBS=1: one after the other)
	@sh conf/install-packages.sh conf/packages-test.txt
	@exec python3 -B tests/all.py
quick: ## unit tests, the HTTP layer, the guide on the simulator: before every commit (three minutes)
	@sh conf/install-packages.sh conf/packages-test.txt
	@exec python3 -B tests/all.py unit http guide
long: ## what takes too long for that: chaos for 40 minutes, 1,000 deployments, benchmarks (an hour and a quarter, root, two idle cores)
	@$(MAKE) --no-print-directory chaos MINUTES=40
	@$(MAKE) --no-print-directory scale
	@$(MAKE) --no-print-directory bench
chaos: ## the product under random faults: SEED=number MINUTES=number (3); report in build/chaos/SEED/
	@sh conf/install-packages.sh conf/packages-test.txt
	@$(MAKE) --no-print-directory -j$(CORES) all
	@SEED="$(SEED)" MINUTES="$(MINUTES)" STACK_BIN=$(CURDIR)/$(B)/bin bash tests/chaos/run.sh
pictures: ## make the README's pictures again, by the newcomer's tour (about three minutes)
	@sh conf/install-packages.sh conf/packages-test.txt
	@$(MAKE) --no-print-directory -j$(CORES) all
	@bash tests/lib/quiet.sh tests/browser/run.sh tour-en tour-zh
	@mkdir -p docs/walk && cp build/screens/readme/*.png docs/walk/
# The responder takes the place of many clusters; it reads and writes JSON and YAML with the product's own code.
build/scale/responder: tests/scale/responder.c tests/scale/clusters.c tests/scale/clusters.h $(B)/libfedlcm.a
	@mkdir -p $(@D)
	@echo '  LD $@'
	@$(CC) $(CFLAGS) -MF build/scale/responder.d -Itests/scale $(LDHARD) -o $@ tests/scale/responder.c tests/scale/clusters.c $(B)/libfedlcm.a $(LDLIBS)
scale: ## 1,000 deployments in flight on 50 pretended clusters, 8 of them dead: overhead, statements, memory (about eleven minutes, root, two idle cores)
	@sh conf/install-packages.sh conf/packages-test.txt
	@$(MAKE) --no-print-directory -j$(CORES) all build/scale/responder
	@bash tests/scale/run.sh
bench: ## rates, times and memory against a yardstick (about two minutes, root, two cores)
	@sh conf/install-packages.sh conf/packages-test.txt
	@$(MAKE) --no-print-directory -j$(CORES) all $(B)/bench/month
	@bash tests/bench/run.sh
