# Avouch: everything a person or a machine does with this checkout.
# `make` alone lists the targets. Every target works from a bare Debian 12 with a Swift 6.3 toolchain on the PATH.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# A target imports only what Package.swift lets it import; this flag is what enforces the table.
IMPORT_CHECK := --explicit-target-dependency-import-check error
# The program carries the Swift runtime: nothing of the toolchain is needed where it runs.
RELEASE := --configuration release --product avouch --static-swift-stdlib $(IMPORT_CHECK)
RELEASE_BINARY := .build/release/avouch
DEBUG_BINARY := .build/debug/avouch
PYTHON := .venv/bin/python

# Settings for `make run`.
HSM ?=
DIR ?= demo$(HSM:%=-%)
PORT ?= 8080
# Settings for `make install`: where it goes, and a folder to put in front of that for packages.
PREFIX ?= /usr/local
DESTDIR ?=
# Extra words for `make test-interop`, such as PYTEST="-k nonce -x".
PYTEST ?=
# Words for the benchmarks, such as BENCH="--rounds 3". `make bench` writes its record only without them, or with --record.
BENCH ?=
RECORD := docs/performance

.PHONY: help build install run demo-fleet test test-swift test-interop test-hot-path format lint simulate bench bench-all bench-presign bench-pkcs11 bench-redis bench-events bench-crl bench-millions bench-overload break-invariants fuzz clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the release binary, .build/release/avouch
	@scripts/install-dependencies build
	swift build $(RELEASE)

# Builds nothing: it may be run by root, who should own nothing in .build.
install: ## install what `make build` made, and a systemd unit (PREFIX=/usr/local)
	@[ -x $(RELEASE_BINARY) ] || { echo "make install: $(RELEASE_BINARY) is missing; run make build first" >&2; exit 1; }
	install -D --mode 0755 $(RELEASE_BINARY) $(DESTDIR)$(PREFIX)/bin/avouch
	install -D --mode 0644 --target-directory $(DESTDIR)$(PREFIX)/share/doc/avouch LICENSE README.md docs/*.md
	install -D --mode 0644 --target-directory $(DESTDIR)$(PREFIX)/share/doc/avouch/ca docs/ca/*.md
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's,/usr/local/,$(PREFIX)/,' packaging/avouch.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/avouch.service

run: build ## build, then serve a toy CA on port 8080 (PORT=8080 DIR=demo; HSM=softhsm for a key in a token)
	@[ -z "$(HSM)" ] || scripts/install-dependencies "$(HSM)"
	$(RELEASE_BINARY) demo --dir $(DIR) --port $(PORT) $(HSM:%=--hsm %)

demo-fleet: build ## build, then serve the toy CA from an origin and two edges over Redis (PORT=8080 DIR=demo-fleet)
	@scripts/install-dependencies fleet
	@scripts/demo-fleet --dir $(if $(filter demo,$(DIR)),demo-fleet,$(DIR)) --port $(PORT)

test: test-swift test-interop ## run all tests: Swift's own, then real OCSP clients against the program

test-swift: ## run the Swift tests
	@scripts/install-dependencies build test
	swift build --build-tests $(IMPORT_CHECK)
	swift test --skip-build

test-interop: ## run real OCSP clients against the debug binary (PYTEST="-k nonce")
	@scripts/install-dependencies build test
	@scripts/python-environment
	swift build --product avouch $(IMPORT_CHECK)
	AVOUCH=$(abspath $(DEBUG_BINARY)) $(PYTHON) -m pytest Tests/Interop $(PYTEST)

test-hot-path: ## what an answer from memory costs: no allocation, no reference count, and a ceiling of instructions
	@scripts/install-dependencies build test
	@scripts/python-environment
	swift build $(RELEASE)
	AVOUCH=$(abspath $(RELEASE_BINARY)) $(PYTHON) -m pytest Tests/HotPath -rP $(PYTEST)

format: ## rewrite the Swift sources in the house format
	swift format --in-place --parallel --recursive Package.swift Sources Tests

lint: ## check format, shell scripts, Dockerfile and YAML; changes nothing
	@scripts/lint

simulate: ## a simulated year of 10,000 certificates: outages, slow tokens, rollovers, restarts
	@scripts/install-dependencies build
	swift build --configuration release --product simulate-year $(IMPORT_CHECK)
	.build/release/simulate-year

# A whole run takes the place of the record; it ends with exit code 1 where a bound was not kept.
bench: ## Avouch beside nginx, openssl ocsp, cfssl and a bare C loop, signing, Redis: docs/performance/side-by-side.md
	@scripts/install-dependencies build bench
	swift build $(RELEASE)
	Benchmarks/side-by-side $(or $(BENCH),--record $(RECORD)/side-by-side)

bench-all: ## the same, then events, a large CRL, ten million certificates, overload: docs/performance/all.md; hours
	@scripts/install-dependencies build bench
	swift build $(RELEASE)
	Benchmarks/side-by-side --parts all $(or $(BENCH),--record $(RECORD)/all)

bench-presign: ## answers signed ahead through the whole path, beside openssl speed and a bare C loop over C_Sign
	@scripts/install-dependencies build bench
	swift build $(RELEASE)
	Benchmarks/presign $(BENCH)

bench-pkcs11: ## signatures a second in a SoftHSM token beside a bare C loop over C_Sign
	@scripts/install-dependencies build bench
	swift build $(RELEASE)
	Benchmarks/pkcs11 $(BENCH)

bench-redis: ## a fleet over Redis: pushing, answers out of Redis, revocations at the edges (BENCH="--only push")
	@scripts/install-dependencies build bench
	swift build $(RELEASE)
	Benchmarks/redis $(BENCH)

bench-events: ## events of a CA: until they are seen, how many are taken in, a million at once (BENCH="--only rate")
	@scripts/install-dependencies build bench
	swift build $(RELEASE)
	Benchmarks/events $(BENCH)

bench-crl: ## a CRL of a million entries: seconds and memory (BENCH="--entries 100000")
	@scripts/install-dependencies build bench
	swift build $(RELEASE)
	Benchmarks/crl $(BENCH)

bench-millions: ## ten million certificates: memory, starts, lookups (BENCH="--certificates 1000000")
	@scripts/install-dependencies build bench
	swift build $(RELEASE)
	Benchmarks/millions $(BENCH)

bench-overload: ## more than it can take, and 10,000 idle and slow connections (BENCH="--only crowd")
	@scripts/install-dependencies build bench
	swift build $(RELEASE)
	Benchmarks/overload $(BENCH)

break-invariants: ## break each invariant on purpose in a copy, and see its test fail
	@scripts/install-dependencies build
	scripts/break-invariants

fuzz: ## run the seeded mutation tests of every parser
	@scripts/install-dependencies build
	swift test $(IMPORT_CHECK) --filter '([Mm]utat|[Ff]uzz|everyOctet|damage|truncat)'

clean: ## remove what was built, and the Python environment
	rm -rf .build .venv
