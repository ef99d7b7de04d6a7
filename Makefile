# One command each. `make` alone tells them.
SWIFT_FLAGS := --explicit-target-dependency-import-check error
DIR ?= demo
PORT ?= 8080

.PHONY: help build run test unit interop break-invariants format lint bench fuzz clean

help:
	@echo "make run               build, and serve a demo CA in $(DIR)/ on port $(PORT)"
	@echo "make test              every test: pure, with real parts, with real clients"
	@echo "make build             the release binary, .build/release/avouch"
	@echo "make unit              the Swift tests alone"
	@echo "make interop           the tests with real clients alone"
	@echo "make break-invariants  breaks each invariant on purpose and looks whether its test notices"
	@echo "make format            formats the sources"
	@echo "make lint              looks at format, scripts, Dockerfile and YAML"
	@echo "make bench             CPU time per request beside the floor"
	@echo "make fuzz              the mutation tests of every parser"
	@echo "make clean             removes what was built"

build:
	@scripts/install-dependencies build
	swift build -c release $(SWIFT_FLAGS) --product avouch

run: build
	.build/release/avouch demo --dir $(DIR) --port $(PORT)

test: unit interop

unit:
	@scripts/install-dependencies test
	swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build

interop:
	@scripts/install-dependencies test
	@scripts/python-environment
	swift build $(SWIFT_FLAGS) --product avouch
	.venv/bin/pytest -q Tests/Interop

break-invariants:
	@scripts/install-dependencies build
	python3 scripts/break-invariants.py

format:
	swift format --in-place --recursive Package.swift Sources Tests

lint:
	swift format lint --strict --recursive Package.swift Sources Tests
	@scripts/python-environment
	.venv/bin/shellcheck .ci/run scripts/install-dependencies scripts/python-environment
	.venv/bin/hadolint Docker/Dockerfile
	.venv/bin/yamllint --strict Docker/compose.yaml

bench: build
	@scripts/install-dependencies bench
	Benchmarks/l1-hit.py

fuzz:
	@scripts/install-dependencies build
	swift build $(SWIFT_FLAGS) --build-tests
	swift test $(SWIFT_FLAGS) --skip-build --filter "mutations|everyOctet|damage|truncat"

clean:
	rm -rf .build
