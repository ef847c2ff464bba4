# Headwater's tasks. `make help` lists them; `make run` and `make test` are the two to begin with.

CARGO ?= cargo
# cargo's target directory, wherever the environment or a configuration file puts it
TARGET = $(or $(CARGO_TARGET_DIR),target)
BINARY = $(TARGET)/release/headwater
DEMO_PORT ?= 8080
# servers live in folders that an ordinary user's PATH may leave out
export PATH := $(PATH):/usr/sbin:/sbin
# with private items: who reads the code wants those too; a link that leads nowhere is an error
RUSTDOC = RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" \
	$(CARGO) doc --no-deps --lib --document-private-items
# the parts of the showcase, each a server that speaks another protocol
PARTS = php memcached redis mysql uwsgi

.DEFAULT_GOAL := help
.PHONY: help run showcase $(PARTS:%=run-%) build test fmt lint manual tidy unit suite directives protocol-bench
.PHONY: fuzz bench bench-all pgo flame idle floor slow-readers closing-origins reload modules setup-build setup-test

help: ## list the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: build ## build and run the demonstration on http://127.0.0.1:8080/ (Ctrl-C stops it)
	@scripts/run-demo.sh $(BINARY) $(TARGET)/demo $(DEMO_PORT)

showcase: build ## PHP, memcached, Redis, MariaDB and uWSGI behind one configuration, with data to try
	@scripts/setup.sh $(PARTS)
	@scripts/showcase/showcase.py --binary $(BINARY) --dir $(TARGET)/showcase --port $(DEMO_PORT)

run-php: ## PHP under php-fpm, by FastCGI
run-memcached: ## memcached, with an ordinary web server behind it
run-redis: ## Redis
run-mysql: ## MariaDB, in MySQL's protocol
run-uwsgi: ## Python under uWSGI, in uwsgi's protocol and in SCGI

$(PARTS:%=run-%): run-%: build
	@scripts/setup.sh $*
	@scripts/showcase/showcase.py --binary $(BINARY) --dir $(TARGET)/showcase --port $(DEMO_PORT) $*

build: setup-build ## build the release binary
	$(CARGO) build --release --bin headwater

test: setup-test lint tidy unit suite ## everything that must hold: format, lints, rules of the house, all tests
	@echo "make test: all passed"

fmt: ## format the sources and wrap long comments
	$(CARGO) fmt
	@scripts/wrap-comments.py

lint: ## check the format, the lints, and every link in the documentation
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --quiet -- -D warnings
	$(RUSTDOC) --quiet

manual: setup-build ## build the manual and the documentation of every item
	$(RUSTDOC)
	@echo "manual: open $(TARGET)/doc/headwater/manual/index.html"

tidy: ## check the rules of the house: layers, sizes, no panics, essays
	$(CARGO) test --quiet --test tidy

unit: ## run the tests beside the code and those in the documentation
	$(CARGO) test --quiet --lib --bins --examples
	$(CARGO) test --quiet --test protocol_bench --test fuzz --test allocations
	$(CARGO) test --quiet --doc

suite: ## run the tests that start a server (in a debug build, so the loop's invariants are checked)
	$(CARGO) test --quiet --test suite --examples

directives: setup-build ## write docs/directives.md from the directive tables
	$(CARGO) run --quiet --bin headwater -- --print-directives > $(TARGET)/directives.md
	mv $(TARGET)/directives.md docs/directives.md

bench: build floor ## measure processor time per proxied request, beside nginx, HAProxy and a blind relay
	@scripts/bench/bench.py --binary $(BINARY)

bench-all: build floor pgo ## ... and the profiled build, system calls, instructions, idle clients, workers; write results and charts
	@scripts/bench/bench.py --binary $(BINARY) --beside profiled=$(TARGET)/pgo/release/headwater --all \
		--idle 10000,20000,100000 --out bench/results --charts docs/charts

pgo: ## build TARGET/pgo/release/headwater, with a profile of itself at work: a fifth fewer instructions
	@scripts/setup.sh pgo
	@scripts/pgo.sh $(TARGET)

flame: build ## draw where the time of a small proxied GET goes (target/flame.svg)
	@scripts/bench/flame.py --binary $(BINARY) --out $(TARGET)/flame.svg

idle: build floor ## measure the memory of 10,000 idle clients, beside nginx
	@scripts/bench/bench.py --binary $(BINARY) --only idle --proxies headwater,nginx

floor: setup-build
	$(CARGO) build --release --example floor

slow-readers: build floor ## 200 slow clients: how long upstream connections are held and what memory that takes, beside nginx
	@scripts/bench/bench.py --binary $(BINARY) --only slow --proxies headwater,nginx

closing-origins: build ## 100,000 GETs while origins close idle connections at random: no client may notice; beside nginx
	@scripts/closing-origins.py --binary $(BINARY) --nginx

reload: build ## reload a busy server 20 times and count lost requests
	@scripts/reload-under-load.sh -b $(BINARY)

protocol-bench: ## try every protocol module on every way a reply can arrive, and count the ways
	$(CARGO) test --quiet --test protocol_bench -- --nocapture

fuzz: ## try N (default 1000000) damaged inputs on everything that reads what strangers send
	N=$(or $(N),1000000) $(CARGO) test --quiet --profile fuzz --test fuzz -- --nocapture
	N=$(or $(N),1000000) $(CARGO) test --quiet --test suite live_fuzz

modules: ## count the lines of code of each protocol module
	@scripts/count-modules.sh

setup-build:
	@scripts/setup.sh build

setup-test:
	@scripts/setup.sh test
