# SPDX-License-Identifier: Apache-2.0
# CPUShare. "make help" lists what can be asked for.
#
# Each part is compiled with an include path of its own (the -iquote lines below), so that an include which the layout
# forbids does not compile: base <- protocol <- {market, seller, buyer-cli}; protocol <- trust <- {market, buyer-cli};
# base <- vnet; {protocol, vnet} <- {lan, vnet/relay}; lan <- {seller, buyer-cli}.

SHELL := /bin/bash
CC ?= gcc
# SAN=1 builds and tests everything under AddressSanitizer and UndefinedBehaviorSanitizer, beside the ordinary build.
SAN ?=
BUILD ?= build$(if $(SAN),/san)
prefix ?= /usr/local
VERSION := 0.1.0

WARN := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Werror
comma := ,
SANFLAGS := $(if $(SAN),-fsanitize=address$(comma)undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
CFLAGS ?= -O2 -g
override CFLAGS += -std=gnu17 -D_GNU_SOURCE -DCPUSHARE_VERSION='"$(VERSION)"' -DCPUSHARE_PREFIX='"$(prefix)"' \
	-fstack-protector-strong $(if $(SAN),,-D_FORTIFY_SOURCE=2) -MMD -MP $(WARN) $(SANFLAGS) -include base/banned.h
LDFLAGS += $(SANFLAGS) -Wl,--as-needed,-z,relro,-z,now

pkg = $(shell pkg-config --libs $(1))

# ---- who may include whom ----
INC_base     := -iquote base
INC_protocol := -iquote protocol $(INC_base)
INC_vnet     := -iquote vnet -iquote vnet/include $(INC_base)
INC_relay    := -iquote vnet/relay $(INC_protocol) -iquote vnet -iquote vnet/include
INC_lan      := -iquote lan -iquote vnet/include $(INC_protocol)
INC_trust    := -iquote trust $(INC_protocol)
INC_market   := -iquote market -iquote market/http -iquote market/trade -iquote market/store -iquote market/pay -iquote market/mail $(INC_trust)
INC_http     := -iquote market/http $(INC_protocol)
INC_trade    := -iquote market/trade $(INC_protocol)
INC_store    := -iquote market/store -iquote market/trade $(INC_protocol) $(shell pkg-config --cflags libpq)
INC_pay      := -iquote market/pay $(INC_protocol)
INC_mail     := -iquote market/mail $(INC_protocol)
INC_tpm      := -iquote seller/tpm $(INC_protocol)
INC_seller   := -iquote seller -iquote seller/tpm $(INC_lan)
INC_vm       := -iquote seller/vm $(INC_base)
INC_buyer    := -iquote buyer-cli -iquote trust $(INC_lan)
# The market's own top folder sees all of its parts; each part sees only itself.
inc = $(strip $(or $(if $(filter tests/fuzz/%,$(1)),$(call fuzz_inc,$(1)),$(INC_of_$(patsubst %/,%,$(dir $(1))))),\
	$(error no include path for $(1))))
INC_of_base := $(INC_base)
INC_of_protocol := $(INC_protocol)
INC_of_vnet := $(INC_vnet)
INC_of_vnet/relay := $(INC_relay)
INC_of_lan := $(INC_lan)
INC_of_trust := $(INC_trust)
INC_of_market := $(INC_market)
INC_of_market/http := $(INC_http)
INC_of_market/trade := $(INC_trade)
INC_of_market/store := $(INC_store)
INC_of_market/pay := $(INC_pay)
INC_of_market/mail := $(INC_mail)
INC_of_seller := $(INC_seller)
INC_of_seller/vm := $(INC_vm)
INC_of_seller/tpm := $(INC_tpm)
INC_of_buyer-cli := $(INC_buyer)
INC_of_tests/unit/base := -iquote tests $(INC_base)
INC_of_tests/unit/protocol := -iquote tests $(INC_protocol)
INC_of_tests/bench := $(INC_vnet) $(INC_protocol)
INC_of_tests/bench/market := $(INC_market)
# dhcp_answer.c is of an image's program, and tested beside the server that it hears.
INC_of_images/tiny := -iquote images/tiny
INC_of_tests/unit/vnet := -iquote tests $(INC_vnet) $(INC_of_images/tiny)
INC_of_tests/unit/relay := -iquote tests $(INC_relay)
INC_of_tests/vnet := $(INC_base)
INC_of_tests/db := -iquote tests $(INC_base) $(shell pkg-config --cflags libpq)
INC_of_tests/simulate := -iquote tests $(INC_relay)
INC_of_tests/bench/trust := -iquote tests/unit/trust $(INC_trust)
INC_of_tests/unit/trust := -iquote tests $(INC_trust)
INC_of_tests/unit/market := -iquote tests $(INC_market)
INC_of_tests/unit/seller := -iquote tests $(INC_seller) $(INC_vm)
INC_of_tests/unit/buyer-cli := -iquote tests $(INC_buyer)

# ---- what is built from what ----
src = $(sort $(wildcard $(addsuffix /*.c,$(1))))
obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
SRC_base     := $(call src,base)
SRC_protocol := $(call src,protocol)
SRC_vnet     := $(call src,vnet)
SRC_relay    := $(call src,vnet/relay)
SRC_lan      := $(call src,lan)
SRC_trust    := $(call src,trust)
SRC_market   := $(call src,market market/http market/trade market/store market/pay market/mail)
SRC_seller   := $(call src,seller)
SRC_tpm      := $(call src,seller/tpm)
SRC_vm       := $(call src,seller/vm)
SRC_buyer    := $(call src,buyer-cli)
ALL_SRC      := $(SRC_base) $(SRC_protocol) $(SRC_trust) $(SRC_vnet) $(SRC_relay) $(SRC_lan) $(SRC_market) $(SRC_seller) $(SRC_tpm) $(SRC_vm) $(SRC_buyer)
# A part's main.c stays out of its library, so that the tests can link the rest.
lib = $(call obj,$(filter-out %/main.c,$(1)))

LIB := $(BUILD)/lib
PROGRAMS := $(addprefix $(BUILD)/bin/,cpushare-market cpushare-seller cpushare-vmrun cpushare-relay cpushare)

# What a program does not use is left out of it (--as-needed): libIPSec_MB is for those with an ethernet.
LIBS_base   := -ljansson -lcrypto -linih -lIPSec_MB -lz
LIBS_market := -lssl -lpq -lqrencode $(LIBS_base) -lpthread
LIBS_client := -lcurl -lssl $(LIBS_base)
LIBS_seller := $(LIBS_client) -ltss2-esys -ltss2-tctildr -ltss2-mu -ltss2-rc -lsystemd
LIBS_vm     := -lvirt -lvirt-qemu -lseccomp $(LIBS_base) -lpthread
LIBS_buyer  := -lsmartcols $(LIBS_client)

.PHONY: all help
all: $(PROGRAMS) $(BUILD)/images/canary.iso ## build the programs (the default)

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "cc $<";) $(CC) $(CFLAGS) $(call inc,$<) -c $< -o $@

$(LIB)/libbase.a: $(call lib,$(SRC_base))
$(LIB)/libprotocol.a: $(call lib,$(SRC_protocol))
$(LIB)/libvnet.a: $(call lib,$(SRC_vnet))
$(LIB)/librelay.a: $(call lib,$(SRC_relay))
$(LIB)/liblan.a: $(call lib,$(SRC_lan))
$(LIB)/libtrust.a: $(call lib,$(SRC_trust))
$(LIB)/libmarket.a: $(call lib,$(SRC_market))
$(LIB)/libseller.a: $(call lib,$(SRC_seller) $(SRC_tpm))
$(LIB)/libvm.a: $(call lib,$(SRC_vm))
$(LIB)/libbuyer.a: $(call lib,$(SRC_buyer))
# What programs link of vnet has only the names of its public header: vnet's inner names stay its own.
$(LIB)/libvnet-public.a: $(call lib,$(SRC_vnet))
	@mkdir -p $(@D)
	@$(LD) -r $^ -o $(LIB)/vnet.o && objcopy --wildcard --keep-global-symbol='vnet_*' $(LIB)/vnet.o
	@rm -f $@
	$(AR) rcs $@ $(LIB)/vnet.o
$(LIB)/%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

link = @mkdir -p $(@D); echo "link $@"; $(CC) $(CFLAGS) $(filter %.o %.a,$^) $(LDFLAGS) $(1) -o $@
A := $(LIB)
$(BUILD)/bin/cpushare-market: $(BUILD)/obj/market/main.o $A/libmarket.a $A/libtrust.a $A/libprotocol.a $A/libbase.a
	$(call link,$(LIBS_market) -lcurl)
$(BUILD)/bin/cpushare-seller: $(BUILD)/obj/seller/main.o $A/libseller.a $A/liblan.a $A/libvnet-public.a $A/libprotocol.a $A/libbase.a
	$(call link,$(LIBS_seller))
$(BUILD)/bin/cpushare-vmrun: $(BUILD)/obj/seller/vm/main.o $A/libvm.a $A/libbase.a
	$(call link,$(LIBS_vm))
$(BUILD)/bin/cpushare-relay: $(BUILD)/obj/vnet/relay/main.o $A/librelay.a $A/libvnet.a $A/libprotocol.a $A/libbase.a
	$(call link,-lssl $(LIBS_base))
$(BUILD)/bin/cpushare: $(BUILD)/obj/buyer-cli/main.o $A/libbuyer.a $A/liblan.a $A/libvnet-public.a $A/libtrust.a $A/libprotocol.a $A/libbase.a
	$(call link,$(LIBS_buyer))

# ---- images ----
.PHONY: image-tiny image-cluster image-calibrate
image-tiny: $(BUILD)/images/tiny.iso ## build build/images/tiny.iso, a 16 MiB live image
$(BUILD)/images/tiny.iso: $(wildcard images/tiny/*) images/live.sh
	@mkdir -p $(@D)
	images/tiny/build.sh $@
# Its program is small and runs anywhere: no libraries, no sanitizers.
image-calibrate: $(BUILD)/images/calibrate.iso ## build build/images/calibrate.iso, with which a market measures machines
$(BUILD)/images/work: images/calibrate/work.c protocol/work.c base/bytes.c base/err.c $(wildcard protocol/work.h base/*.h)
	@mkdir -p $(@D)
	$(CC) -O2 -std=gnu17 -D_GNU_SOURCE $(WARN) -include base/banned.h $(INC_protocol) -static -s $(filter %.c,$^) -o $@
$(BUILD)/images/calibrate.iso: $(BUILD)/images/work $(wildcard images/calibrate/* images/tiny/*) images/live.sh
	images/calibrate/build.sh $< $@
image-cluster: $(BUILD)/images/cluster.iso ## build build/images/cluster.iso: Debian with OpenMPI, ssh, NFS, Slurm (120 MiB)
$(BUILD)/images/cluster.iso: $(wildcard images/cluster/* images/tiny/*) images/live.sh
	@mkdir -p $(@D)
	images/cluster/build.sh $@
$(BUILD)/images/hostile.iso: $(wildcard images/hostile/* images/tiny/*) images/live.sh
	@mkdir -p $(@D)
	images/hostile/build.sh $@
$(BUILD)/images/canary.iso: $(wildcard images/canary/*)
	@mkdir -p $(@D)
	images/canary/build.sh $@

# ---- tests ----
# A unit test is one C file under tests/unit/PART/; it links PART's library and what that may use.
UNIT_SRC := $(sort $(wildcard tests/unit/*/*.c))
UNIT := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%.t,$(UNIT_SRC))
$(BUILD)/tests/unit/base/%.t: $(BUILD)/obj/tests/unit/base/%.o $A/libbase.a
	$(call link,$(LIBS_base))
$(BUILD)/tests/unit/protocol/%.t: $(BUILD)/obj/tests/unit/protocol/%.o $A/libprotocol.a $A/libbase.a
	$(call link,$(LIBS_client))
$(BUILD)/tests/unit/vnet/%.t: $(BUILD)/obj/tests/unit/vnet/%.o $A/libvnet.a $A/libbase.a
	$(call link,-lssl $(LIBS_base) -lpthread)
$(BUILD)/tests/unit/relay/%.t: $(BUILD)/obj/tests/unit/relay/%.o $A/librelay.a $A/libvnet.a $A/libprotocol.a $A/libbase.a
	$(call link,-lssl $(LIBS_base))
$(BUILD)/tests/unit/trust/%.t: $(BUILD)/obj/tests/unit/trust/%.o $A/libtrust.a $A/libprotocol.a $A/libbase.a
	$(call link,$(LIBS_client))
$(BUILD)/tests/unit/market/%.t: $(BUILD)/obj/tests/unit/market/%.o $A/libmarket.a $A/libtrust.a $A/libprotocol.a $A/libbase.a
	$(call link,$(LIBS_market) -lcurl)
$(BUILD)/tests/unit/seller/%.t: $(BUILD)/obj/tests/unit/seller/%.o $A/libseller.a $A/libvm.a $A/liblan.a $A/libvnet-public.a $A/libprotocol.a $A/libbase.a
	$(call link,$(LIBS_seller) $(LIBS_vm))
$(BUILD)/tests/unit/buyer-cli/%.t: $(BUILD)/obj/tests/unit/buyer-cli/%.o $A/libbuyer.a $A/liblan.a $A/libvnet-public.a $A/libtrust.a $A/libprotocol.a $A/libbase.a
	$(call link,$(LIBS_buyer))
.SECONDARY: $(patsubst %.c,$(BUILD)/obj/%.o,$(UNIT_SRC))

.PHONY: unit
unit: $(UNIT)

-include $(patsubst %.c,$(BUILD)/obj/%.d,$(ALL_SRC) $(UNIT_SRC))

# A fuzzer is one C file under tests/fuzz/ with its seeds under tests/fuzz/corpus/NAME/. The tests replay the seeds and what
# a small mutator makes of them; "make fuzz" runs libFuzzer.
# The first word of its name is the part that it may include: protocol, vnet, vm, market, buyer, else base.
fuzz_part = $(or $(filter protocol vnet relay vm seller trust market buyer,$(firstword $(subst _, ,$(basename $(notdir $(1)))))),base)
fuzz_inc = -iquote tests $(INC_$(call fuzz_part,$(1))) $(if $(findstring guest_dhcp,$(1)),$(INC_of_images/tiny))
FUZZ_SRC := $(sort $(filter-out tests/fuzz/replay.c,$(wildcard tests/fuzz/*.c)))
FUZZ := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%.t,$(FUZZ_SRC))
FUZZ_LIBS_base := $A/libbase.a
FUZZ_LIBS_protocol := $A/libprotocol.a $A/libbase.a
FUZZ_LIBS_vnet := $A/libvnet.a $A/libbase.a
FUZZ_LIBS_relay := $A/librelay.a $A/libvnet.a $A/libprotocol.a $A/libbase.a
FUZZ_LIBS_vm := $A/libvm.a $A/libbase.a
FUZZ_LIBS_seller := $A/libseller.a $A/libbase.a
FUZZ_LIBS_trust := $A/libtrust.a $A/libprotocol.a $A/libbase.a
FUZZ_LIBS_market := $A/libmarket.a $A/libtrust.a $A/libprotocol.a $A/libbase.a
FUZZ_LIBS_buyer := $A/libbuyer.a $A/libtrust.a $A/liblan.a $A/libvnet-public.a $A/libprotocol.a $A/libbase.a
FUZZ_SYSTEM := $(LIBS_market) $(LIBS_buyer) $(LIBS_vm)
.SECONDEXPANSION:
$(BUILD)/tests/fuzz/%.t: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay.o $$(FUZZ_LIBS_$$(call fuzz_part,$$*))
	$(call link,$(FUZZ_SYSTEM))
.SECONDARY: $(patsubst %.c,$(BUILD)/obj/%.o,$(FUZZ_SRC) tests/fuzz/replay.c)
-include $(patsubst %.c,$(BUILD)/obj/%.d,$(FUZZ_SRC) tests/fuzz/replay.c)

GUEST_DHCP := $(BUILD)/obj/images/tiny/dhcp_answer.o
$(BUILD)/tests/unit/vnet/guest_dhcp.t $(BUILD)/tests/fuzz/vnet_guest_dhcp.t $(BUILD)/fuzz/vnet_guest_dhcp: $(GUEST_DHCP)
-include $(GUEST_DHCP:.o=.d)

# The mesh in a simulated world, where the seed decides all: once with cheap hashes in the stead of DTLS and signatures, once with these.
# The linker puts the simulation's functions in front of what makes keys and random numbers.
SIMULATE_SRC := $(sort $(wildcard tests/simulate/*.c))
SIMULATE_OBJ := $(call obj,$(filter-out %_cheap.c,$(SIMULATE_SRC)))
SIMULATE_CHEAP := $(call obj,$(filter %_cheap.c,$(SIMULATE_SRC)))
SIMULATE_LIBS := $A/librelay.a $A/libvnet.a $A/libprotocol.a $A/libbase.a
SIMULATE_WRAP := $(addprefix -Wl$(comma)--wrap=,random_fill seal_init seal_packet seal_open seal_clear malloc_trim)
SIMULATE_WRAP_CHEAP := $(addprefix -Wl$(comma)--wrap=,sha256_of hmac_sha256 ed25519_sign ed25519_verify certificate_make certificate_pin \
	p256_new p256_free p256_public_of p256_pin p256_sign p256_verify)
SIMULATE := $(addprefix $(BUILD)/tests/simulate/,simulate.t dtls.t)
$(BUILD)/tests/simulate/simulate.t: $(SIMULATE_OBJ) $(SIMULATE_CHEAP) $(SIMULATE_LIBS)
	$(call link,$(SIMULATE_WRAP) $(SIMULATE_WRAP_CHEAP) -lssl $(LIBS_base))
$(BUILD)/tests/simulate/dtls.t: $(SIMULATE_OBJ) $(SIMULATE_LIBS)
	$(call link,$(SIMULATE_WRAP) -lssl $(LIBS_base))
-include $(patsubst %.c,$(BUILD)/obj/%.d,$(SIMULATE_SRC))

SEED ?= 1
HOURS ?= 24
PEERS ?= 20
AWAKE ?= 0
.PHONY: simulate
simulate: $(BUILD)/tests/simulate/simulate.t ## a long simulation of the ethernet's mesh: make simulate SEED=1 HOURS=24 PEERS=20 (AWAKE=8: so many at a time)
	$< $(SEED) $(HOURS) $(PEERS) $(AWAKE)

BOOKS ?= 1000000
.PHONY: books
books: $(BUILD)/tests/unit/market/trade_book_random.t ## random order books against a naive matcher: make books SEED=1 BOOKS=1000000 (some minutes)
	SEED=$(SEED) BOOKS=$(BOOKS) $<

SECONDS ?= 60
.PHONY: fuzz
fuzz: ## run one fuzzer: make fuzz F=name SECONDS=60 (clang's libFuzzer)
	@test -n "$(F)" -a -f "tests/fuzz/$(F).c" || { echo "make fuzz F=name; names: $(patsubst tests/fuzz/%.c,%,$(FUZZ_SRC))"; exit 2; }
	@$(MAKE) --no-print-directory deps
	$(MAKE) --no-print-directory CC=clang BUILD=build/fuzz SAN=1 FUZZING=-fsanitize=fuzzer-no-link build/fuzz/fuzz/$(F)
	@mkdir -p build/fuzz/corpus/$(F)
	build/fuzz/fuzz/$(F) -max_total_time=$(SECONDS) -timeout=5 -rss_limit_mb=2048 build/fuzz/corpus/$(F) tests/fuzz/corpus/$(F)
override CFLAGS += $(FUZZING)
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $$(FUZZ_LIBS_$$(call fuzz_part,$$*))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -fsanitize=fuzzer $^ $(LDFLAGS) $(FUZZ_SYSTEM) -o $@

# What tests/vnet/*.t run besides the programs.
VNET_HELPERS := $(BUILD)/tests/unit/relay/nat_pair.t $(BUILD)/tests/vnet/delay
$(BUILD)/tests/vnet/delay: $(BUILD)/obj/tests/vnet/delay.o $A/libbase.a
	$(call link,$(LIBS_base))
-include $(BUILD)/obj/tests/vnet/delay.d

# What tests/db/interleave.t runs.
$(BUILD)/tests/db/interleave: $(BUILD)/obj/tests/db/interleave.o $A/libbase.a
	$(call link,-lpq $(LIBS_base))
-include $(BUILD)/obj/tests/db/interleave.d

# Programs that the tests use, where the build lies, and how long one test file may take.
export CPUSHARE_BUILD := $(abspath $(BUILD))
export PATH := $(abspath $(BUILD)/bin):$(PATH)
PROVE := prove --exec '' --timer --failures --comments -j3 --rules 'seq=tests/e2e/{boot,cluster,endpoint,foreign,gateway,image_tiny,mtu,net,ports,pxe,scratch}.t' --rules 'seq=tests/e2e/**' --rules 'seq=tests/api/**' --rules 'seq=tests/pay/**' --rules 'seq=tests/web/**' --rules 'seq=tests/packaging/**' --rules 'par=**'
SCRIPTS := $(sort $(wildcard tests/lint/*.t tests/packaging/*.t tests/db/*.t tests/api/*.t tests/pay/*.t tests/vnet/*.t tests/web/*.t tests/e2e/*.t))

.PHONY: deps test check build-tests
deps: ## install what is missing: Debian's packages, and the tests' own
	@packaging/install-dependencies
# For who runs one test without "make deps" before.
NODE_MODULES := tests/node_modules/.installed
$(NODE_MODULES): tests/package-lock.json
	@packaging/install-dependencies && touch $@

build-tests: all image-tiny image-calibrate $(BUILD)/images/hostile.iso $(UNIT) $(FUZZ) $(SIMULATE) $(VNET_HELPERS) $(BUILD)/tests/bench/load $(BUILD)/tests/db/interleave

test: deps ## install what is missing, build, run every test (SAN=1: under sanitizers)
	$(MAKE) --no-print-directory build-tests
	$(PROVE) $(UNIT) $(FUZZ) $(SIMULATE) $(SCRIPTS)

check: ## run one test: make check T=tests/e2e/vmrun.t (or tests/unit/base/money.c)
	@test -n "$(T)" || { echo "make check T=path"; exit 2; }
	@$(MAKE) --no-print-directory all image-tiny image-calibrate $(BUILD)/images/hostile.iso $(patsubst tests/%.c,$(BUILD)/tests/%.t,$(filter %.c,$(T))) \
		$(if $(filter tests/api/% tests/web/%,$(T)),$(NODE_MODULES)) $(if $(findstring tests/vnet/,$(T)),$(VNET_HELPERS)) $(if $(findstring faults,$(T)),$(BUILD)/tests/bench/load) $(if $(findstring interleave,$(T)),$(BUILD)/tests/db/interleave)
	prove --exec '' -v $(patsubst tests/%.c,$(BUILD)/tests/%.t,$(T))

N ?= 100
.PHONY: dead-man
dead-man: all image-tiny ## kill vmrun again and again, and see that nothing of the guest outlives it: make dead-man N=100
	tests/e2e/dead_man.t $(N)

.PHONY: demo
demo: deps ## one rented hour on this machine: three sellers, a buyer, real VMs, one ethernet
	$(MAKE) --no-print-directory all image-tiny
	@tests/demo/run

.PHONY: bench bench-vnet bench-market bench-seller bench-boot bench-trust
bench: bench-vnet bench-market bench-seller bench-boot bench-trust ## all benchmarks
$(BUILD)/tests/bench/%: $(BUILD)/obj/tests/bench/%.o $A/libvnet.a $A/libprotocol.a $A/libbase.a
	$(call link,-lssl $(LIBS_base) -lpthread)
# The same endpoint without encryption: its seal.c is another. Nothing but this program is linked so.
$(BUILD)/tests/bench/endpoint-plain: $(addprefix $(BUILD)/obj/tests/bench/,endpoint.o seal_plain.o) $A/libvnet.a $A/libprotocol.a $A/libbase.a
	$(call link,-lssl $(LIBS_base) -lpthread)
-include $(patsubst %.c,$(BUILD)/obj/%.d,$(wildcard tests/bench/*.c))
$(BUILD)/tests/bench/trust/verify: $(BUILD)/obj/tests/bench/trust/verify.o $A/libtrust.a $A/libprotocol.a $A/libbase.a
	$(call link,$(LIBS_client))
bench-trust: deps ## how many proofs of machines are judged a second
	$(MAKE) --no-print-directory $(BUILD)/tests/bench/trust/verify
	$(BUILD)/tests/bench/trust/verify
$(BUILD)/tests/bench/pump: tests/bench/pump.c
	@mkdir -p $(@D)
	$(CC) $(filter-out -fsanitize=%,$(CFLAGS)) -static $< -o $@
$(BUILD)/tests/bench/market/book: $(BUILD)/obj/tests/bench/market/book.o $(call obj,$(call src,market/trade)) $A/libprotocol.a $A/libbase.a
	$(call link,$(LIBS_base))
$(addprefix $(BUILD)/tests/bench/market/,tick audit): $(BUILD)/tests/bench/market/%: $(BUILD)/obj/tests/bench/market/%.o $A/libmarket.a $A/libtrust.a $A/libprotocol.a $A/libbase.a
	$(call link,$(LIBS_market) -lcurl)
-include $(patsubst %.c,$(BUILD)/obj/%.d,$(wildcard tests/bench/market/*.c))
bench-vnet: deps ## the ethernet against other tunnels, in one run (root; installs them)
	$(MAKE) --no-print-directory $(addprefix $(BUILD)/tests/bench/,endpoint endpoint-plain blast idle forwarder) $(BUILD)/bin/cpushare-relay
	@tests/bench/vnet
	$(MAKE) --no-print-directory $(BUILD)/tests/bench/pump all image-tiny
	@tests/bench/ports
bench-seller: deps ## what the seller's daemon takes of its computer at rest
	$(MAKE) --no-print-directory all
	@tests/bench/seller
bench-market: deps ## the order book beside looking at every offer; the market's hot paths beside pgbench and nginx
	$(MAKE) --no-print-directory all $(addprefix $(BUILD)/tests/bench/,market/book market/tick market/audit load)
	$(BUILD)/tests/bench/market/book
	@tests/bench/market/run
bench-boot: deps ## from an order to its guest's ready line, beside QEMU started by hand
	$(MAKE) --no-print-directory all image-tiny
	@tests/bench/boot

.PHONY: lint
lint: deps ## formatting, static analysis, house rules
	clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')
	prove --exec '' tests/lint/*.t
	cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability --suppress=missingInclude \
		--suppress=missingIncludeSystem --suppress=unknownMacro -j2 $(sort $(dir $(ALL_SRC)))

# The packages are made of what "make install" installs, in a folder of their own: docs/PACKAGING.md.
.PHONY: deb
DEB := $(BUILD)/deb
deb: deps ## build Debian packages: build/deb/*.deb
	$(MAKE) --no-print-directory all image-calibrate
	rm -rf $(DEB)
	mkdir -p $(DEB)/cpushare
	cp -r packaging/debian $(DEB)/cpushare/
	cd $(DEB)/cpushare && CPUSHARE_TOP=$(CURDIR) CPUSHARE_BUILD=$(BUILD) MAKEFLAGS= dpkg-buildpackage -b -us -uc >../log 2>&1 || { tail -n 30 ../log; exit 1; }
	@ls $(DEB)/*.deb

# Needs Debian's archive, root, and minutes: not in "make test".
.PHONY: fresh-root
fresh-root: deb image-tiny ## install the packages into a Debian that has nothing else, and follow the README there
	tests/packaging/fresh-root

.PHONY: install
install: all ## install under DESTDIR and prefix (default /usr/local)
	install -d $(DESTDIR)$(prefix)/bin $(DESTDIR)$(prefix)/libexec/cpushare $(DESTDIR)$(prefix)/share/cpushare/images
	install -m755 $(BUILD)/bin/cpushare $(BUILD)/bin/cpushare-market $(BUILD)/bin/cpushare-seller $(BUILD)/bin/cpushare-relay $(DESTDIR)$(prefix)/bin
	install -m755 $(BUILD)/bin/cpushare-vmrun $(DESTDIR)$(prefix)/libexec/cpushare
	install -m644 $(BUILD)/images/canary.iso $(DESTDIR)$(prefix)/share/cpushare/images
	if [ -f $(BUILD)/images/calibrate.iso ]; then install -m644 $(BUILD)/images/calibrate.iso $(DESTDIR)$(prefix)/share/cpushare/images; fi
	cp -r --no-preserve=ownership db web packaging/apparmor examples $(DESTDIR)$(prefix)/share/cpushare/
	cp -r --no-preserve=ownership images/live.sh images/tiny images/cluster $(DESTDIR)$(prefix)/share/cpushare/images/
	install -d $(DESTDIR)$(prefix)/share/man/man1 $(DESTDIR)$(prefix)/share/man/man7
	install -m644 packaging/man/*.7 $(DESTDIR)$(prefix)/share/man/man7
	for p in cpushare cpushare-market cpushare-seller cpushare-relay; do \
		$(BUILD)/bin/$$p help --man > $(DESTDIR)$(prefix)/share/man/man1/$$p.1 || exit 1; done
	install -d $(addprefix $(DESTDIR)$(prefix)/share/,bash-completion/completions zsh/vendor-completions fish/vendor_completions.d)
	for p in cpushare cpushare-market cpushare-seller cpushare-relay; do \
		$(BUILD)/bin/$$p completion bash > $(DESTDIR)$(prefix)/share/bash-completion/completions/$$p && \
		$(BUILD)/bin/$$p completion zsh > $(DESTDIR)$(prefix)/share/zsh/vendor-completions/_$$p && \
		$(BUILD)/bin/$$p completion fish > $(DESTDIR)$(prefix)/share/fish/vendor_completions.d/$$p.fish || exit 1; done

.PHONY: clean
clean: ## remove what was built
	rm -rf build
